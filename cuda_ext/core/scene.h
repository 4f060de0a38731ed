// What crosses from the bindings to a rasterizer: plain views of row-major float32 arrays.
#pragma once

#include <stdint.h>

#include "config.h"

namespace gh {

struct SceneView {          // the scene as one camera sees it
  const float* means;       // [N, 3]
  const float* quats;       // [N, 4] wxyz, or with `covariances` [N, 6] xx xy xz yy yz zz
  const float* scales;      // [N, 3]; not read with `covariances`
  const float* opacities;   // [N]
  const float* colors;      // [N, D]
  const float* extra;       // [N, E]
  const float* viewmat;     // [4, 4]
  const float* K;           // [3, 3]
  const float* background;  // [D], or [H, W, D] where has_plate, or null
  int64_t N;
  int D, E, width, height;
  float near_plane, far_plane, eps2d;
  bool has_plate, covariances;

  GH_FN int channels() const { return D + E + 1; }  // colors, extra, depth
  GH_FN int tiles_x() const { return (width + kTile - 1) / kTile; }
  GH_FN int tiles_y() const { return (height + kTile - 1) / kTile; }
  GH_FN int64_t pixels() const { return int64_t(width) * height; }
};

struct Images {  // one camera's outputs
  float* rgb;    // [H, W, D]
  float* alpha;  // [H, W]
  float* depth;  // [H, W]
  float* extra;  // [H, W, E]
};

struct ImageGradients {  // cotangents of the outputs; null where nothing flows back
  const float *rgb, *alpha, *depth, *extra;
};

struct SceneGradients {  // outputs of the backward pass
  float *means, *quats, *scales, *opacities, *colors, *extra;
  float* means2d;   // [N, 2]
  float* absgrad;   // [N, 2] the same of each pixel without its sign, or null
  bool accumulate;  // add to what is there (second and later cameras)
};

}  // namespace gh
