// The CUDA rasterizer: all cameras in one batch, on the caller's stream, memory from the stream's pool.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>

#include "../core/scene.h"

namespace gh {

// Stream-ordered device memory that grows and is given back with its owner.
class DeviceBuffer {
 public:
  DeviceBuffer() = default;
  DeviceBuffer(const DeviceBuffer&) = delete;
  DeviceBuffer& operator=(const DeviceBuffer&) = delete;
  ~DeviceBuffer() { release(); }

  template <class T>
  T* get(std::size_t count, cudaStream_t stream) {
    reserve(count * sizeof(T), stream);
    return static_cast<T*>(memory_);
  }
  template <class T>
  T* data() const {
    return static_cast<T*>(memory_);
  }

 private:
  void reserve(std::size_t bytes, cudaStream_t stream);
  void release();
  void* memory_ = nullptr;
  std::size_t capacity_ = 0;
  cudaStream_t stream_ = nullptr;
};

struct CudaScene {
  SceneView first;  // the scene as camera 0 sees it; other cameras' arrays follow in memory
  int cameras;
  bool colors_per_camera;  // colors are [C, N, D] instead of [N, D]

  GH_FN SceneView camera(int c) const {
    SceneView view = first;
    view.viewmat += 16 * c, view.K += 9 * c;
    if (colors_per_camera) view.colors += int64_t(c) * first.N * first.D;
    if (view.background) view.background += c * first.D;
    return view;
  }
};

// A forward pass and what its backward pass needs.
class CudaPlan {
 public:
  void forward(const CudaScene& scene, const Images& out, float* means2d, std::int32_t* radii, cudaStream_t stream);
  // v_viewmats [C, 4, 4] may be null. All outputs are overwritten except v_viewmats and, where
  // colors depend on the camera, colors: these are added to.
  void backward(const CudaScene& scene, const Images& images, const ImageGradients& v, const SceneGradients& out,
                float* v_viewmats, cudaStream_t stream);

 private:
  DeviceBuffer headers_, counts_, offsets_, values_, ranges_, moments_;
  std::uint32_t pairs_ = 0;
};

}  // namespace gh
