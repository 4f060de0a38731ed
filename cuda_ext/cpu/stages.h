// The stages of one CPU rendering, as plain functions over caller-owned memory. Each instruction
// set provides one table of them; no stage allocates, and none uses a standard-library template.
#pragma once

#include <stdint.h>

#include "../core/scene.h"

#include "deform.h"
#include "sh.h"
#include "ssim.h"

namespace gh {

struct Projected {       // by Gaussian; entries of invisible ones are not written
  float* splat_headers;  // [N, kSplatHeader]
  uint32_t* depth_keys;  // [N] order-preserving bits of depth, 0 = invisible
  uint32_t* tile_bound;  // [N] upper bound of tiles touched, 0 = invisible
};

struct Sorted {          // by rank: visible Gaussians from near to far
  float* splats;         // [V, splat_stride]
  const uint64_t* keys;  // [V] low half: Gaussian index
  int32_t* rank;         // [N] rank of a Gaussian, -1 = invisible
  int64_t V;
  int splat_stride;
};

constexpr uint32_t kPairSlack = 16;

struct Binned {
  uint32_t* first_pair;  // [V] first of a splat's pairs (splat, tile)
  uint32_t* pair_count;  // [V]
  uint32_t* pair_tile;   // [pair capacity] tile of each pair
  uint32_t* pair_rank;   // [pair capacity] splat of each pair
  uint32_t* pair_slot;   // [pair capacity] where each pair stands in `lists`; null without backward
  uint32_t* lists;       // ranks, tile after tile, ascending within a tile
  uint32_t* tile_start;  // [tiles + 1]
  int tiles_x, tiles_y;
};

struct Work {                                    // what a rendering has to do
  int64_t pairs = 0, blocks = 0, fragments = 0;  // (splat, tile); (splat, register of pixels); (splat, pixel) blended
};

struct Stages {
  const char* name;
  // Gaussians [begin, end): geometry, culling. Also writes means2d [N, 2] and radii [N].
  void (*project)(const SceneView&, const Projected&, float* means2d, int32_t* radii, int64_t begin, int64_t end);
  // Ranks [begin, end): copy header and channels into depth order.
  void (*gather)(const SceneView&, const Projected&, const Sorted&, int64_t begin, int64_t end);
  // Ranks [begin, end): list the touched tiles from pair `next_pair` on; counts per tile into `histogram`. Returns
  // the end of these pairs; up to kPairSlack entries beyond it are overwritten.
  uint32_t (*list_tiles)(const Sorted&, const Binned&, int64_t begin, int64_t end, uint32_t next_pair,
                         uint32_t* histogram);
  void (*blend)(const SceneView&, const Sorted&, const Binned&, const Images&, int tile);
  // `partial` [pairs, row]: gradient sums of each (splat, tile), with `pulls` those behind; `v_background`: [D] of this
  // tile, the [H, W, D] of the image where the scene has a plate, or null.
  void (*blend_vjp)(const SceneView&, const Sorted&, const Binned&, const Images&, const ImageGradients&, bool pulls,
                    float* partial, float* v_background, int tile);
  // Adds what blending a tile takes.
  void (*count)(const SceneView&, const Sorted&, const Binned&, int tile, Work&);
  // Gaussians [begin, end): sum partials, then the VJP of the projection. `v_view` [12] (R, t) or null.
  void (*project_vjp)(const SceneView&, const Sorted&, const Binned&, const float* partial, const SceneGradients&,
                      float* v_view, int64_t begin, int64_t end);
  // Gaussians [begin, end) of a branch at one moment: its coefficients are [J], outputs begin at its first Gaussian;
  // `pose` [14]: head, then torso, quaternion and position.
  void (*deform)(const BranchView&, const float* pose, const Deformed&, int64_t begin, int64_t end);
  // `sums` [kDeformSums + J]: what these Gaussians add to the gradients of the pose and the coefficients. With `add`
  // the other gradients are added to those of earlier moments.
  void (*deform_vjp)(const BranchView&, const float* pose, const DeformCotangents&, const BranchGradients&,
                     bool want_pose, bool add, float* sums, int64_t begin, int64_t end);
  // Rows [begin, end) of the similarity map; `zeros` is one row, `scratch` has ssim_scratch() floats.
  void (*ssim)(const SsimView&, const float* zeros, float* scratch, float* similarity, const SsimPartials*, int begin,
               int end);
  void (*ssim_vjp)(const SsimView&, const float* zeros, float* scratch, const SsimPartials&, const float* v_similarity,
                   float* v_a, float* v_b, int begin, int end);
  // Gaussians [begin, end): colours of SH coefficients.
  void (*sh)(const ShView&, float* rgb, int64_t begin, int64_t end);
  void (*sh_vjp)(const ShView&, const float* v_rgb, const ShGradients&, int64_t begin, int64_t end);
};

inline int partial_row(int channels, bool pulls) { return (kMoments + channels + (pulls ? kPulls : 0) + 15) / 16 * 16; }
inline int splat_row(int channels) { return (kSplatHeader + channels + 3) / 4 * 4; }

const Stages* stages_base();
const Stages* stages_avx2();
const Stages* stages_avx512();

}  // namespace gh
