// Launches, memory and sums over rows: what every CUDA operation here is made of.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>

namespace gh {

// Throws std::runtime_error naming what failed.
void check(cudaError_t status, const char* what);

// Makes a device current for as long as it lives; then the one before is again. Torch shares this choice with us.
class DeviceGuard {
 public:
  explicit DeviceGuard(int device);
  DeviceGuard(const DeviceGuard&) = delete;
  DeviceGuard& operator=(const DeviceGuard&) = delete;
  ~DeviceGuard();

 private:
  int before_ = 0;
};

// Whether work given to this stream goes into a graph instead of being done.
bool is_capturing(cudaStream_t stream);
// A number of its own for each capture, 0 where the work is done.
std::uint64_t capture_of(cudaStream_t stream);

// Stream-ordered device memory that only grows. All uses of one buffer must be ordered by streams.
// With GH_POISON=1 in the environment it comes full of 0xFF, so that reading what nothing wrote shows.
class DeviceBuffer {
 public:
  DeviceBuffer() = default;
  DeviceBuffer(const DeviceBuffer&) = delete;
  DeviceBuffer& operator=(const DeviceBuffer&) = delete;
  ~DeviceBuffer();

  template <class T>
  T* get(std::size_t count, cudaStream_t stream) {
    reserve(count * sizeof(T), stream);
    return static_cast<T*>(memory_);
  }
  template <class T>
  T* data() const {
    return static_cast<T*>(memory_);
  }
  std::size_t bytes() const { return capacity_; }
  void pin() { pinned_ = true; }  // a graph holds its address: it must not grow any more

 private:
  void reserve(std::size_t bytes, cudaStream_t stream);
  void* memory_ = nullptr;
  std::size_t capacity_ = 0;
  bool pinned_ = false;
  int device_ = 0;                 // that the memory lies on
  cudaStream_t stream_ = nullptr;  // of the latest use
};

}  // namespace gh
