// The CPU rasterizer: runs the stages over threads and owns their memory.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <vector>

#include "stages.h"

namespace gh {

// Grow-only block of uninitialised memory.
class Buffer {
 public:
  Buffer() = default;
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer();

  template <class T>
  T* get(std::size_t count) {
    reserve(count * sizeof(T));
    return static_cast<T*>(memory_);
  }

 private:
  void reserve(std::size_t bytes);
  void* memory_ = nullptr;
  std::size_t capacity_ = 0;
};

struct Timings {  // seconds spent in the latest call
  double project = 0, sort = 0, bin = 0, blend = 0, blend_vjp = 0, project_vjp = 0;
};

// Everything one camera's backward pass needs from its forward pass.
class Workspace {
 public:
  void forward(const SceneView& scene, const Images& out, float* means2d, std::int32_t* radii, bool keep, int threads);
  // v_viewmat [4, 4] and v_background (shaped like the background) may be null.
  void backward(const SceneView& scene, const Images& images, const ImageGradients& v, const SceneGradients& out,
                float* v_viewmat, float* v_background, int threads);

  // Counts what the latest forward pass had to do; slow, for benchmarks.
  Work count(const SceneView& scene) const;

  Timings timings;

 private:
  void project(const SceneView& scene, float* means2d, std::int32_t* radii, int threads);
  void sort(const SceneView& scene, int threads);
  void bin(const SceneView& scene, bool keep, int threads);

  Buffer headers_, depth_keys_, tile_bounds_, keys_, key_scratch_, splats_, ranks_, first_pair_, pair_count_,
      pair_tile_, pair_rank_, pair_slot_, lists_, tile_start_, histograms_, partial_, view_partial_,
      background_partial_;
  Projected projected_{};
  Sorted sorted_{};
  Binned binned_{};
};

// Workspaces go back to a small pool when dropped, so that the next call finds warm memory.
struct Recycle {
  void operator()(Workspace* workspace) const;
};
using WorkspacePtr = std::unique_ptr<Workspace, Recycle>;
WorkspacePtr take_workspace();

// The stages in use: the widest instruction set this machine has, unless chosen otherwise.
const Stages& active_stages();
std::vector<const Stages*> available_stages();
bool choose_stages(const char* name);

}  // namespace gh
