// Memory and the host's part of the emulated device: streams run at once, and one may pretend to be captured.
#include <Python.h>
#include <cuda_runtime_api.h>

#include <cstdlib>
#include <unordered_map>

#include "emulator.h"

namespace gpu {

namespace {

struct Block {
  size_t bytes;
  int device;
};

std::unordered_map<void*, Block>& blocks = *new std::unordered_map<void*, Block>;
uint64_t wait_count = 0, selfish_count = 0, allocation_count = 0, misplaced_count = 0;
int current = 0;
int64_t held = 0;
bool capturing = false;

cudaError_t wait() {
  if (capturing) return cudaErrorStreamCaptureUnsupported;
  ++wait_count;
  selfish_count += PyGILState_Check();
  return cudaSuccess;
}

}  // namespace

void use_capture(bool wanted) { capturing = wanted; }
std::uint64_t waits() { return wait_count; }
std::uint64_t waits_with_gil() { return selfish_count; }
std::int64_t allocated() { return held; }
std::uint64_t allocations() { return allocation_count; }
std::uint64_t misplaced() { return misplaced_count; }
void use_device(int device) { current = device; }
int current_device() { return current; }

}  // namespace gpu

const char* cudaGetErrorString(cudaError_t error) {
  if (error == cudaErrorStreamCaptureUnsupported) return "operation not permitted when stream is capturing";
  return error == cudaSuccess ? "no error" : "invalid argument";
}
cudaError_t cudaGetLastError() { return cudaSuccess; }
cudaError_t cudaSetDevice(int device) { return gpu::current = device, cudaSuccess; }
cudaError_t cudaGetDevice(int* device) { return *device = gpu::current, cudaSuccess; }
cudaError_t cudaDeviceGetDefaultMemPool(cudaMemPool_t* pool, int) { return *pool = nullptr, cudaSuccess; }
cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t, cudaMemPoolAttr, void*) { return cudaSuccess; }

// Fresh memory is full of NaN, so that reading what nothing wrote shows.
cudaError_t cudaMallocAsync(void** memory, size_t bytes, cudaStream_t) {
  if (gpu::capturing) return cudaErrorStreamCaptureUnsupported;
  *memory = malloc(bytes);
  memset(*memory, 0xff, bytes);
  gpu::blocks[*memory] = {bytes, gpu::current};
  gpu::held += int64_t(bytes), ++gpu::allocation_count;
  return cudaSuccess;
}
cudaError_t cudaFreeAsync(void* memory, cudaStream_t) {
  const gpu::Block& block = gpu::blocks.at(memory);
  gpu::misplaced_count += block.device != gpu::current;
  gpu::held -= int64_t(block.bytes);
  gpu::blocks.erase(memory);
  free(memory);
  return cudaSuccess;
}
cudaError_t cudaMemsetAsync(void* memory, int value, size_t bytes, cudaStream_t) {
  gpu::misplaced_count += gpu::current != 0;  // arrays from Python lie on device 0
  memset(memory, value, bytes);
  return cudaSuccess;
}
cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind, cudaStream_t) {
  gpu::misplaced_count += gpu::current != 0;
  memcpy(to, from, bytes);
  return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t) { return gpu::wait(); }
cudaError_t cudaDeviceSynchronize() { return gpu::wait(); }
cudaError_t cudaStreamIsCapturing(cudaStream_t, cudaStreamCaptureStatus* status) {
  *status = gpu::capturing ? cudaStreamCaptureStatusActive : cudaStreamCaptureStatusNone;
  return cudaSuccess;
}
