#include "rasterizer.h"

#include <cub/device/device_radix_sort.cuh>
#include <cub/device/device_scan.cuh>
#include <limits>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include "blend.cuh"
#include "blend_vjp.cuh"
#include "pairs.cuh"
#include "project.cuh"
#include "project_vjp.cuh"

namespace gh {

using namespace GH_ISA;

namespace {

__global__ void __launch_bounds__(kThreads) project_gaussians(CudaScene scene, CudaSplats out) {
  const int64_t index = int64_t(blockIdx.x) * blockDim.x + threadIdx.x, N = scene.first.N;
  if (index >= scene.splats()) return;
  const int64_t n = index % N;
  const SceneView camera = scene.camera(int(index / N));
  write_splat(scene, camera, view_of(camera), load_gaussian(camera, n), index, out, [&](int k) {
    return k < camera.D ? camera.colors[n * camera.D + k] : camera.extra[n * camera.E + k - camera.D];
  });
}

int bits_for(std::uint32_t values) {
  int bits = 0;
  while (values >> bits) ++bits;
  return bits;
}

template <int CH, class Run>
void dispatch(int channels, const Run& run) {
  if constexpr (CH > 1)
    if (channels < CH) return dispatch<CH - 1>(channels, run);
  run(std::integral_constant<int, CH>{});
}

// Calls `run(std::integral_constant<int, CH>, first_channel)` for groups of channels that cover all.
template <class Run>
void for_channel_groups(int channels, const Run& run) {
  for (int first = 0; first < channels; first += kGroup)
    dispatch<kGroup>(std::min(channels - first, kGroup), [&](auto group) { run(group, first); });
}

std::uint32_t tiles_of(const CudaScene& scene) {
  const std::int64_t tiles = std::int64_t(scene.cameras) * scene.tiles();
  if (scene.splats() >= std::numeric_limits<std::int32_t>::max() || tiles >= std::numeric_limits<std::int32_t>::max())
    throw std::length_error("images times Gaussians, or times tiles, exceed 2^31; render fewer images at once");
  return std::uint32_t(tiles);
}

}  // namespace

void CudaWorkspace::list_pairs(const CudaScene& scene, const CudaSplats& splats, std::int64_t pair_capacity) {
  const std::int64_t total = scene.splats();
  const std::uint32_t tiles = tiles_of(scene);
  auto* offsets = offsets_.get<std::uint64_t>(total + 1, stream);
  std::size_t bytes = 0;
  check(cub::DeviceScan::ExclusiveSum(nullptr, bytes, splats.counts, offsets, int(total + 1), stream),
        "sizing the scan");
  check(cub::DeviceScan::ExclusiveSum(scan_scratch_.get<char>(bytes, stream), bytes, splats.counts, offsets,
                                      int(total + 1), stream),
        "summing the tile counts");
  capacity_ = std::uint64_t(pair_capacity);
  if (!pair_capacity) {
    check(cudaMemcpyAsync(&capacity_, offsets + total, sizeof capacity_, cudaMemcpyDeviceToHost, stream),
          "reading the number of pairs");
    check(cudaStreamSynchronize(stream), "waiting for the projection");
  }
  if (capacity_ >= std::numeric_limits<std::uint32_t>::max())
    throw std::length_error("the Gaussians cover more than 2^32 tiles in all; render fewer images at once");
  auto* ranges = ranges_.get<std::uint32_t>(tiles + 1, stream);
  check(cudaMemsetAsync(ranges, 0, sizeof(std::uint32_t) * (tiles + 1), stream), "clearing the tile ranges");
  auto* pairs = pairs_.get<std::uint32_t>(capacity_, stream);
  auto* owners = owners_.get<std::uint32_t>(capacity_, stream);
  if (!capacity_) return;
  auto* raw_keys = raw_keys_.get<std::uint64_t>(capacity_, stream);
  auto* keys = keys_.get<std::uint64_t>(capacity_, stream);
  auto* raw_pairs = raw_pairs_.get<std::uint32_t>(capacity_, stream);
  if (pair_capacity)  // room that stays free sorts behind all tiles
    check(cudaMemsetAsync(raw_keys, 0xff, sizeof(std::uint64_t) * capacity_, stream), "clearing the keys");
  launch(list_tiles, blocks_for(total), kThreads, stream, scene, splats, offsets, capacity_, raw_keys, raw_pairs,
         owners);
  const int last_bit = 32 + bits_for(tiles);
  check(cub::DeviceRadixSort::SortPairs(nullptr, bytes, raw_keys, keys, raw_pairs, pairs, std::int64_t(capacity_), 0,
                                        last_bit, stream),
        "sizing the sort");
  check(cub::DeviceRadixSort::SortPairs(sort_scratch_.get<char>(bytes, stream), bytes, raw_keys, keys, raw_pairs, pairs,
                                        std::int64_t(capacity_), 0, last_bit, stream),
        "sorting");
  launch(find_ranges, blocks_for(std::int64_t(capacity_)), kThreads, stream, keys, offsets + total, capacity_, tiles,
         ranges);
}

void CudaWorkspace::forward(const CudaScene& scene, const Images& out, float* means2d, std::int32_t* radii,
                            std::int64_t pair_capacity, cudaStream_t on, const SplatSource* source) {
  use(on);
  require_room();
  splats_ = scene.splats();
  const std::uint32_t tiles = tiles_of(scene);
  const CudaSplats splats = {rows_.get<float>(std::size_t(splats_) * scene.splat_row(), stream),
                             counts_.get<std::uint64_t>(splats_ + 1, stream), means2d, radii};
  check(cudaMemsetAsync(splats.counts + splats_, 0, sizeof(std::uint64_t), stream), "clearing a count");
  if (source)
    source->project(scene, splats, stream);
  else
    launch(project_gaussians, blocks_for(splats_), kThreads, stream, scene, splats);
  list_pairs(scene, splats, pair_capacity);
  for_channel_groups(scene.first.channels(), [&](auto group, int first) {
    const TileJob job = {splats.rows, owners_.data<std::uint32_t>(), pairs_.data<std::uint32_t>(),
                         ranges_.data<std::uint32_t>(), first};
    launch(blend_tiles<decltype(group)::value>, tiles, kTilePixels, stream, scene, job, out);
  });
  if (pair_capacity) note_needed();
  note_capture();
  check(cudaGetLastError(), "rendering");
}

void CudaWorkspace::use(cudaStream_t on) {
  if (on == stream) return;
  if (!is_capturing(on)) {  // who captures has waited for the device before
    cudaEvent_t done;
    check(cudaEventCreateWithFlags(&done, cudaEventDisableTiming), "making an event");
    const cudaError_t recorded = cudaEventRecord(done, stream);
    const cudaError_t waited = recorded ? recorded : cudaStreamWaitEvent(on, done, 0);
    cudaEventDestroy(done);
    check(waited, "letting one stream wait for another");
  }
  stream = on;
}

std::uint64_t CudaWorkspace::lacking() const {
  const std::uint64_t needed = noted_ ? *static_cast<volatile std::uint64_t*>(noted_) : 0;
  return needed > noted_room_ ? needed - noted_room_ : 0;
}

// What a call before this one could not draw is an error now: the host did not wait for it then.
void CudaWorkspace::require_room() const {
  const std::uint64_t lack = lacking(), needed = noted_room_ + lack;
  if (!lack) return;
  throw std::length_error("an earlier picture needed " + std::to_string(needed) +
                          " pairs (splat, tile) and had room for " + std::to_string(noted_room_) +
                          ": it lacks Gaussians. Take a pair_capacity of " + std::to_string(2 * needed) +
                          "; needed_pairs() tells the number and clears this error.");
}

void CudaWorkspace::note_needed() {
  if (!noted_) {
    if (is_capturing(stream)) return;
    check(cudaHostAlloc(reinterpret_cast<void**>(&noted_), sizeof *noted_, cudaHostAllocPortable), "allocating a note");
    *noted_ = 0;
  }
  noted_room_ = capacity_;
  check(
      cudaMemcpyAsync(noted_, offsets_.data<std::uint64_t>() + splats_, sizeof *noted_, cudaMemcpyDeviceToHost, stream),
      "noting the number of pairs");
}

void CudaWorkspace::note_capture() {
  const std::uint64_t capture = capture_of(stream);
  if (!capture) return;
  capture_ = capture;
  for (DeviceBuffer* buffer : buffers()) buffer->pin();
}

CudaWorkspace::~CudaWorkspace() {
  if (noted_) cudaFreeHost(noted_);
}

void CudaWorkspace::backward(const CudaScene& seen, const Images& images, const ImageGradients& v,
                             const SceneGradients& out, float* v_viewmats, float* v_backgrounds, cudaStream_t on) {
  CudaScene scene = seen;
  scene.pulls = out.absgrad;
  if (scene.pulls && scene.first.channels() > kGroup)
    throw std::invalid_argument("absgrad came with " + std::to_string(scene.first.channels() - 1) +
                                " channels of colors and extra; on CUDA at most " + std::to_string(kGroup - 1) +
                                " were wanted: draw the others in a rendering of their own.");
  use(on);
  if (scene.splats() != splats_) throw std::logic_error("this plan is of another scene");
  const auto* counts = counts_.data<std::uint64_t>();
  auto* partials = partials_.get<float>(std::size_t(capacity_) * scene.partial_row(), stream);
  auto* moments = moments_.get<float>(std::size_t(splats_) * scene.partial_row(), stream);
  for_channel_groups(scene.first.channels(), [&](auto group, int first) {
    const TileJob job = {rows_.data<float>(), owners_.data<std::uint32_t>(), pairs_.data<std::uint32_t>(),
                         ranges_.data<std::uint32_t>(), first};
    constexpr int CH = decltype(group)::value;
    launch(scene.pulls ? blend_tiles_vjp<CH, true> : blend_tiles_vjp<CH, false>, tiles_of(scene), kTilePixels, stream,
           scene, job, images, v, partials);
  });
  launch(sum_partials, blocks_for(splats_ * kSumLanes), kThreads, stream, scene, counts, offsets_.data<std::uint64_t>(),
         capacity_, partials, moments);
  const int blocks = int(blocks_for(scene.first.N)), warps = blocks * (kThreads / 32);
  float* views = nullptr;
  if (v_viewmats) views = view_partials_.get<float>(std::size_t(scene.cameras) * warps * kViewNumbers, stream);
  launch(project_gaussians_vjp, unsigned(blocks * (scene.gaussians_per_camera ? scene.cameras : 1)), kThreads, stream,
         scene, blocks, counts, moments, out, views);
  if (v_viewmats) launch(sum_rows, unsigned(scene.cameras), kThreads, stream, views, warps, kViewNumbers, v_viewmats);
  if (v_backgrounds) backgrounds_vjp(scene, images.alpha, v.rgb, v_backgrounds);
  note_capture();
  check(cudaGetLastError(), "differentiating");
}

void CudaWorkspace::backgrounds_vjp(const CudaScene& scene, const float* alpha, const float* v_rgb, float* out) {
  const std::int64_t D = scene.first.D, each = scene.first.has_plate ? scene.first.pixels() : 1;
  if (!v_rgb) {
    check(cudaMemsetAsync(out, 0, sizeof(float) * scene.cameras * each * D, stream),
          "clearing the backgrounds' gradient");
  } else if (scene.first.has_plate) {
    launch(plates_vjp, blocks_for(scene.cameras * each * D), kThreads, stream, scene, alpha, v_rgb, out);
  } else if (D) {
    const std::size_t chunks = std::size_t(scene.cameras) * kBackgroundChunks;
    auto* parts = background_partials_.get<float>(chunks * D, stream);
    launch(background_vjp, unsigned(chunks), kThreads, stream, scene, alpha, v_rgb, parts);
    launch(sum_rows, unsigned(scene.cameras), kThreads, stream, parts, kBackgroundChunks, int(D), out);
  }
}

std::uint64_t CudaWorkspace::needed_pairs() {
  std::uint64_t needed = 0;
  const DeviceGuard guard(device);
  check(cudaDeviceSynchronize(), "waiting for the device");  // a graph may run on any stream
  check(
      cudaMemcpyAsync(&needed, offsets_.data<std::uint64_t>() + splats_, sizeof needed, cudaMemcpyDeviceToHost, stream),
      "reading the number of pairs");
  check(cudaStreamSynchronize(stream), "waiting for the number of pairs");
  if (noted_) *noted_ = 0;
  return needed;
}

std::vector<DeviceBuffer*> CudaWorkspace::buffers() {
  return {&rows_,         &counts_, &offsets_,   &scan_scratch_, &raw_keys_,      &keys_,
          &raw_pairs_,    &pairs_,  &scratch[0], &scratch[1],    &scratch[2],     &owners_,
          &sort_scratch_, &ranges_, &partials_,  &moments_,      &view_partials_, &background_partials_};
}

std::size_t CudaWorkspace::bytes() {
  std::size_t sum = 0;
  for (const DeviceBuffer* buffer : buffers()) sum += buffer->bytes();
  return sum;
}

// Whether this build can run on a device: an empty text, or what is in the way.
std::string cuda_trouble(int device) {
  int driver = 0, runtime = 0;
  if (cudaDriverGetVersion(&driver) != cudaSuccess || cudaRuntimeGetVersion(&runtime) != cudaSuccess || driver == 0) {
    cudaGetLastError();
    return "no NVIDIA driver answers; install one, nvidia-smi shows whether it runs.";
  }
  const auto version = [](int v) { return std::to_string(v / 1000) + "." + std::to_string(v % 1000 / 10); };
  if (driver / 1000 < runtime / 1000)
    return "the driver serves CUDA " + version(driver) + " and the kernels are built with " + version(runtime) +
           "; update the driver, or install again with an nvcc of CUDA " + std::to_string(driver / 1000) +
           " on the path.";
  const DeviceGuard guard(device);
  cudaFuncAttributes attributes;
  if (cudaFuncGetAttributes(&attributes, reinterpret_cast<const void*>(&project_gaussians)) == cudaSuccess) return "";
  cudaGetLastError();
  int major = 0, minor = 0;
  cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device);
  cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device);
  const std::string arch = std::to_string(10 * major + minor);
  return "the kernels hold no code for this GPU's architecture " + arch + "; install again with CUDAARCHS=" + arch +
         ".";
}

}  // namespace gh
