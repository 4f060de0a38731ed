#include "runtime.h"

#include <cstdlib>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

namespace gh {

namespace {

// Let the pool of a device keep what was freed: otherwise every synchronisation hands all of it back to the driver.
void keep_pool_memory(int device) {
  static std::mutex mutex;
  static std::vector<bool>& done = *new std::vector<bool>;
  const std::lock_guard<std::mutex> lock(mutex);
  if (int(done.size()) <= device) done.resize(device + 1);
  if (done[device]) return;
  cudaMemPool_t pool = nullptr;
  std::uint64_t kept = std::uint64_t(1) << 30;
  check(cudaDeviceGetDefaultMemPool(&pool, device), "asking for the memory pool");
  check(cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &kept), "configuring the memory pool");
  done[device] = true;
}

}  // namespace

void check(cudaError_t status, const char* what) {
  if (status != cudaSuccess) throw std::runtime_error(std::string("CUDA, ") + what + ": " + cudaGetErrorString(status));
}

bool is_capturing(cudaStream_t stream) {
  cudaStreamCaptureStatus status;
  check(cudaStreamIsCapturing(stream, &status), "asking whether the stream is captured");
  return status != cudaStreamCaptureStatusNone;
}

std::uint64_t capture_of(cudaStream_t stream) {
  cudaStreamCaptureStatus status;
  unsigned long long id = 0;
  check(cudaStreamGetCaptureInfo(stream, &status, &id), "asking which capture the stream is in");
  return status == cudaStreamCaptureStatusNone ? 0 : id + 1;
}

DeviceGuard::DeviceGuard(int device) {
  check(cudaGetDevice(&before_), "asking for the device");
  if (device != before_) check(cudaSetDevice(device), "selecting the device");
}

DeviceGuard::~DeviceGuard() { cudaSetDevice(before_); }

DeviceBuffer::~DeviceBuffer() {
  if (!memory_) return;
  int before = 0;
  cudaGetDevice(&before);
  cudaSetDevice(device_);
  cudaFreeAsync(memory_, stream_);
  cudaSetDevice(before);
}

void DeviceBuffer::reserve(std::size_t bytes, cudaStream_t stream) {
  stream_ = stream;
  if (memory_ && bytes <= capacity_) return;
  if (is_capturing(stream))
    throw std::runtime_error(
        "CUDA: memory would have to grow while the stream is captured into a graph; run the same call once before, "
        "with the same plan, sizes and pair_capacity.");
  if (pinned_)
    throw std::runtime_error(
        "CUDA: this plan was captured into a graph, which uses its memory as it is; a larger call wants a plan of its "
        "own.");
  check(cudaGetDevice(&device_), "asking for the device");
  keep_pool_memory(device_);
  if (memory_) check(cudaFreeAsync(memory_, stream), "freeing a buffer");
  memory_ = nullptr, capacity_ = 0;
  const std::size_t wanted = bytes + bytes / 4 + 256;  // a training run's Gaussians grow little by little
  check(cudaMallocAsync(&memory_, wanted, stream), "allocating a buffer");
  capacity_ = wanted;
  static const bool poison = std::getenv("GH_POISON") && std::string(std::getenv("GH_POISON")) == "1";
  if (poison) check(cudaMemsetAsync(memory_, 0xff, wanted, stream), "poisoning a buffer");
}

}  // namespace gh
