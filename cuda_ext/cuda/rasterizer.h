// The CUDA rasterizer: all images in one batch, on the caller's stream.
//
// Stages: project every (image, Gaussian) to a splat and count its tiles; list the pairs (splat, tile);
// sort them by tile and depth; blend tile by tile. Backward, each pair's gradient is summed by one
// thread into a row of its own and the rows of a Gaussian are added up afterwards: no atomics, so the
// same bits come out every time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "../core/scene.h"
#include "runtime.h"

namespace gh {

struct CudaScene {
  SceneView first;  // the scene as image 0 sees it; other images' arrays follow in memory
  int cameras;
  bool colors_per_camera;     // colors are [C, N, D] instead of [N, D]
  bool gaussians_per_camera;  // so is everything else of a Gaussian
  bool pulls = false;         // backward, also sum each pixel's pull at a position without its sign

  GH_FN SceneView camera(int c) const {
    SceneView view = first;
    const int64_t before = int64_t(c) * first.N;
    view.viewmat += 16 * c, view.K += 9 * c;
    if (view.background) view.background += (first.has_plate ? first.pixels() : 1) * c * first.D;
    if (colors_per_camera || gaussians_per_camera) view.colors += before * first.D;
    if (gaussians_per_camera) {
      view.means += 3 * before, view.quats += (first.covariances ? 6 : 4) * before;
      view.scales += (first.covariances ? 0 : 3) * before;
      view.opacities += before, view.extra += before * first.E;
    }
    return view;
  }
  GH_FN int tiles() const { return first.tiles_x() * first.tiles_y(); }
  GH_FN int64_t splats() const { return first.N * cameras; }
  GH_FN int splat_row() const { return (kSplatHeader + first.channels() + 3) / 4 * 4; }
  GH_FN int sums() const { return kMoments + first.channels() + (pulls ? kPulls : 0); }
  GH_FN int partial_row() const { return (sums() + 3) / 4 * 4; }
};

struct CudaSplats {  // what projection leaves, by (image, Gaussian)
  float* rows;       // [C N, splat_row] header and channels; not written where invisible
  uint64_t* counts;  // [C N + 1] tiles touched, 0 = invisible
  float* means2d;    // [C N, 2] or null
  int32_t* radii;    // [C N] or null
};

// Projects into the given splats on a stream; the rasterizer's own, or a head's (head.h).
class SplatSource {
 public:
  virtual ~SplatSource() = default;
  virtual void project(const CudaScene& scene, const CudaSplats& splats, cudaStream_t stream) const = 0;
};

// A forward pass and what its backward pass needs. One workspace serves one stream at a time.
class CudaWorkspace {
 public:
  // pair_capacity 0: the host waits for the number of pairs (splat, tile) and makes room for them.
  // Else room for that many is made and nothing waits; pairs beyond are not drawn (see needed_pairs),
  // and a call like an earlier one may be captured into a graph.
  void forward(const CudaScene& scene, const Images& out, float* means2d, std::int32_t* radii,
               std::int64_t pair_capacity, cudaStream_t stream, const SplatSource* source = nullptr);
  // v_viewmats [C, 4, 4] and v_backgrounds, of the backgrounds' shape, may be null. All outputs are overwritten.
  void backward(const CudaScene& scene, const Images& images, const ImageGradients& v, const SceneGradients& out,
                float* v_viewmats, float* v_backgrounds, cudaStream_t stream);
  // Pairs that the latest forward pass had; waits for the device. Whoever asked is not told again by an error.
  std::uint64_t needed_pairs();
  std::size_t bytes();
  // Pairs that an earlier pass needed beyond its room, so far as the device has told by now.
  std::uint64_t lacking() const;
  // All that follows runs on this stream, after what ran on the one before.
  void use(cudaStream_t on);
  // To be called when the work of a call was given to the stream: where that is captured, memory stays as it is.
  void note_capture();
  std::uint64_t capture() const { return capture_; }

  CudaWorkspace() = default;
  CudaWorkspace(const CudaWorkspace&) = delete;
  CudaWorkspace& operator=(const CudaWorkspace&) = delete;
  ~CudaWorkspace();

  DeviceBuffer scratch[3];  // for other operations on the same stream
  int device = 0;
  cudaStream_t stream = nullptr;  // of the latest use

 private:
  void require_room() const;
  void note_needed();
  std::vector<DeviceBuffer*> buffers();
  void list_pairs(const CudaScene& scene, const CudaSplats& splats, std::int64_t pair_capacity);

  void backgrounds_vjp(const CudaScene& scene, const float* alpha, const float* v_rgb, float* out);

  DeviceBuffer rows_, counts_, offsets_, scan_scratch_, raw_keys_, keys_, raw_pairs_, pairs_, owners_, sort_scratch_,
      ranges_, partials_, moments_, view_partials_, background_partials_;
  std::uint64_t capacity_ = 0;      // pairs that there is room for
  std::uint64_t* noted_ = nullptr;  // pairs needed, where the device writes them for the host to find; or null
  std::uint64_t noted_room_ = 0;    // and how many there was room for
  std::uint64_t capture_ = 0;       // whose graph holds addresses of the buffers: none may move any more; or 0
  std::int64_t splats_ = 0;
};

// Workspaces go back to a small pool when dropped; the next call on the same stream finds their memory.
struct Recycle {
  void operator()(CudaWorkspace* workspace) const;
};
using CudaPlan = std::unique_ptr<CudaWorkspace, Recycle>;
// Frees what captured graphs used, of one capture or (0) of all, once none of them will be launched any more.
void forget_graphs(std::uint64_t capture = 0);
CudaPlan take_workspace(int device, cudaStream_t stream);
std::string cuda_trouble(int device);

}  // namespace gh
