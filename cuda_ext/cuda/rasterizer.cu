#include "rasterizer.h"

#include <cub/device/device_radix_sort.cuh>
#include <cub/device/device_scan.cuh>
#include <limits>
#include <stdexcept>
#include <string>
#include <type_traits>

#include "blend.cuh"
#include "project.cuh"

namespace gh {

namespace {

constexpr int kThreads = 256;
constexpr int kGroup = 8;  // channels of one blending pass

void check(cudaError_t status, const char* what) {
  if (status != cudaSuccess) throw std::runtime_error(std::string("CUDA, ") + what + ": " + cudaGetErrorString(status));
}

// The only place that launches.
template <class... P, class... A>
void launch(void (*kernel)(P...), unsigned blocks, unsigned threads, cudaStream_t stream, const A&... arguments) {
  cudaLaunchConfig_t config = {};
  config.gridDim = dim3(blocks), config.blockDim = dim3(threads), config.stream = stream;
  check(cudaLaunchKernelEx(&config, kernel, static_cast<P>(arguments)...), "launching a kernel");
}

unsigned blocks_for(std::int64_t count) { return unsigned((count + kThreads - 1) / kThreads); }

int bits_for(std::uint32_t values) {
  int bits = 0;
  while (values >> bits) ++bits;
  return bits;
}

// Let the pool keep what was freed: otherwise every synchronisation hands all of it back to the driver.
void keep_pool_memory() {
  int device = 0;
  cudaMemPool_t pool = nullptr;
  std::uint64_t kept = std::uint64_t(1) << 30;
  check(cudaGetDevice(&device), "asking for the device");
  check(cudaDeviceGetDefaultMemPool(&pool, device), "asking for the memory pool");
  check(cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &kept), "configuring the memory pool");
}

// Calls `run(std::integral_constant<int, CH>, first_channel)` for groups of channels that cover all.
template <class Run>
void for_channel_groups(int channels, const Run& run) {
  for (int first = 0; first < channels; first += kGroup)
    switch (channels - first < kGroup ? channels - first : kGroup) {
      case 1:
        run(std::integral_constant<int, 1>{}, first);
        break;
      case 2:
        run(std::integral_constant<int, 2>{}, first);
        break;
      case 3:
        run(std::integral_constant<int, 3>{}, first);
        break;
      case 4:
        run(std::integral_constant<int, 4>{}, first);
        break;
      case 5:
        run(std::integral_constant<int, 5>{}, first);
        break;
      case 6:
        run(std::integral_constant<int, 6>{}, first);
        break;
      case 7:
        run(std::integral_constant<int, 7>{}, first);
        break;
      default:
        run(std::integral_constant<int, 8>{}, first);
        break;
    }
}

}  // namespace

void DeviceBuffer::reserve(std::size_t bytes, cudaStream_t stream) {
  if (bytes <= capacity_ && memory_) return;
  release();
  const std::size_t wanted = bytes ? bytes : 1;
  check(cudaMallocAsync(&memory_, wanted, stream), "allocating a buffer");
  capacity_ = wanted, stream_ = stream;
}

void DeviceBuffer::release() {
  if (memory_) cudaFreeAsync(memory_, stream_);
  memory_ = nullptr, capacity_ = 0;
}

void CudaPlan::forward(const CudaScene& scene, const Images& out, float* means2d, std::int32_t* radii,
                       cudaStream_t stream) {
  using namespace GH_ISA;
  keep_pool_memory();
  const std::int64_t total = scene.first.N * scene.cameras;
  if (total > std::numeric_limits<std::int32_t>::max())
    throw std::length_error("cameras times Gaussians exceed 2^31; render fewer cameras at once");
  const std::uint32_t tiles = std::uint32_t(scene.cameras) * scene.first.tiles_x() * scene.first.tiles_y();
  auto* headers = headers_.get<float>(std::size_t(total) * kSplatHeader, stream);
  auto* counts = counts_.get<std::uint32_t>(total + 1, stream);
  auto* offsets = offsets_.get<std::uint32_t>(total + 1, stream);
  auto* ranges = ranges_.get<std::uint32_t>(tiles + 1, stream);
  check(cudaMemsetAsync(counts + total, 0, sizeof(std::uint32_t), stream), "clearing a count");
  check(cudaMemsetAsync(ranges, 0, sizeof(std::uint32_t) * (tiles + 1), stream), "clearing the tile ranges");
  if (total) launch(project_gaussians, blocks_for(total), kThreads, stream, scene, headers, counts, means2d, radii);

  DeviceBuffer scratch;
  std::size_t bytes = 0;
  check(cub::DeviceScan::ExclusiveSum(nullptr, bytes, counts, offsets, int(total + 1), stream), "sizing the scan");
  check(cub::DeviceScan::ExclusiveSum(scratch.get<char>(bytes, stream), bytes, counts, offsets, int(total + 1), stream),
        "summing the tile counts");
  check(cudaMemcpyAsync(&pairs_, offsets + total, sizeof pairs_, cudaMemcpyDeviceToHost, stream), "reading the count");
  check(cudaStreamSynchronize(stream), "waiting for the projection");

  auto* values = values_.get<std::uint32_t>(pairs_, stream);
  if (pairs_) {
    DeviceBuffer unsorted_values, unsorted_keys, sorted_keys;
    auto* keys = sorted_keys.get<std::uint64_t>(pairs_, stream);
    auto* raw_keys = unsorted_keys.get<std::uint64_t>(pairs_, stream);
    auto* raw_values = unsorted_values.get<std::uint32_t>(pairs_, stream);
    launch(list_tiles, blocks_for(total), kThreads, stream, scene, headers, counts, offsets, raw_keys, raw_values);
    DeviceBuffer sort_scratch;
    const int last_bit = 32 + bits_for(tiles);
    check(cub::DeviceRadixSort::SortPairs(nullptr, bytes, raw_keys, keys, raw_values, values, std::int64_t(pairs_), 0,
                                          last_bit, stream),
          "sizing the sort");
    check(cub::DeviceRadixSort::SortPairs(sort_scratch.get<char>(bytes, stream), bytes, raw_keys, keys, raw_values,
                                          values, std::int64_t(pairs_), 0, last_bit, stream),
          "sorting");
    launch(find_ranges, blocks_for(pairs_), kThreads, stream, keys, pairs_, tiles, ranges);
  }
  for_channel_groups(scene.first.channels(), [&](auto group, int first) {
    const TileJob job = {headers, values, ranges, first};
    launch(blend_tiles<decltype(group)::value>, tiles, kTilePixels, stream, scene, job, out);
  });
  check(cudaGetLastError(), "rendering");
}

void CudaPlan::backward(const CudaScene& scene, const Images& images, const ImageGradients& v,
                        const SceneGradients& out, float* v_viewmats, cudaStream_t stream) {
  using namespace GH_ISA;
  const std::int64_t total = scene.first.N * scene.cameras;
  if (total == 0) return;
  const std::uint32_t tiles = std::uint32_t(scene.cameras) * scene.first.tiles_x() * scene.first.tiles_y();
  const std::size_t numbers = std::size_t(total) * (kMoments + scene.first.channels());
  auto* moments = moments_.get<float>(numbers, stream);
  check(cudaMemsetAsync(moments, 0, sizeof(float) * numbers, stream), "clearing the gradient sums");
  for_channel_groups(scene.first.channels(), [&](auto group, int first) {
    const TileJob job = {headers_.data<float>(), values_.data<std::uint32_t>(), ranges_.data<std::uint32_t>(), first};
    launch(blend_tiles_vjp<decltype(group)::value>, tiles, kTilePixels, stream, scene, job, images, v, moments);
  });
  launch(project_gaussians_vjp, blocks_for(scene.first.N), kThreads, stream, scene, counts_.data<std::uint32_t>(),
         moments, out, v_viewmats);
  check(cudaGetLastError(), "differentiating");
}

}  // namespace gh
