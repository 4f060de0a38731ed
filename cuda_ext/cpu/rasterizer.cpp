#include "rasterizer.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <mutex>
#include <new>
#include <stdexcept>

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include "../core/config.h"
#include "sort.h"

namespace gh {

namespace {

constexpr std::int64_t kChunk = 1024;  // Gaussians handled at once; fixed, so that sums never depend on threads
constexpr std::size_t kHugePage = std::size_t(2) << 20;

constexpr std::int64_t kSerialBelow = 4096;  // visible Gaussians; a parallel region costs more than it saves

std::int64_t chunks_of(std::int64_t count) { return (count + kChunk - 1) / kChunk; }

class Stopwatch {
 public:
  explicit Stopwatch(double& target) : target_(target), start_(std::chrono::steady_clock::now()) {}
  ~Stopwatch() { target_ = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }

 private:
  double& target_;
  std::chrono::steady_clock::time_point start_;
};

}  // namespace

Buffer::~Buffer() { std::free(memory_); }

void Buffer::reserve(std::size_t bytes) {
  if (bytes <= capacity_) return;
  std::free(memory_);
  memory_ = nullptr, capacity_ = 0;
  const std::size_t alignment = bytes >= kHugePage ? kHugePage : 64;
  const std::size_t wanted = bytes + bytes / 4;  // a training run's Gaussians grow little by little
  const std::size_t size = (wanted + alignment - 1) / alignment * alignment;
  memory_ = std::aligned_alloc(alignment, size);
  if (!memory_) throw std::bad_alloc();
#if defined(__linux__)
  if (alignment == kHugePage) madvise(memory_, size, MADV_HUGEPAGE);
#endif
  capacity_ = size;
}

void Workspace::project(const SceneView& scene, float* means2d, std::int32_t* radii, int threads) {
  const std::size_t N = std::size_t(scene.N);
  projected_ = {headers_.get<float>(N * kSplatHeader), depth_keys_.get<std::uint32_t>(N),
                tile_bounds_.get<std::uint32_t>(N)};
  const auto stage = active_stages().project;
  const std::int64_t chunks = chunks_of(scene.N);
#pragma omp parallel for num_threads(threads) schedule(static)
  for (std::int64_t c = 0; c < chunks; ++c)
    stage(scene, projected_, means2d, radii, c * kChunk, std::min((c + 1) * kChunk, scene.N));
}

void Workspace::sort(const SceneView& scene, int threads) {
  const std::size_t N = std::size_t(scene.N);
  auto* keys = keys_.get<std::uint64_t>(N);
  auto* scratch = key_scratch_.get<std::uint64_t>(N);
  sorted_.rank = ranks_.get<std::int32_t>(N);
  std::uint32_t low = UINT32_MAX, high = 0;
  std::int64_t V = 0;
  for (std::int64_t n = 0; n < scene.N; ++n) {
    const std::uint32_t key = projected_.depth_keys[n];
    sorted_.rank[n] = -1;
    if (!key) continue;
    low = std::min(low, key), high = std::max(high, key);
    keys[V++] = std::uint64_t(key) << 32 | std::uint64_t(n);
  }
  sorted_.V = V;
  sorted_.keys = V ? radix_sort(keys, scratch, V, low, high, threads) : keys;
  sorted_.splat_stride = splat_row(scene.channels());
  sorted_.splats = splats_.get<float>(std::size_t(V) * sorted_.splat_stride);
}

void Workspace::bin(const SceneView& scene, bool keep, int threads) {
  if (sorted_.V < kSerialBelow) threads = 1;
  const std::int64_t V = sorted_.V;
  binned_.tiles_x = scene.tiles_x(), binned_.tiles_y = scene.tiles_y();
  const std::size_t tiles = std::size_t(binned_.tiles_x) * binned_.tiles_y;
  binned_.first_pair = first_pair_.get<std::uint32_t>(V);
  binned_.pair_count = pair_count_.get<std::uint32_t>(V);
  binned_.tile_start = tile_start_.get<std::uint32_t>(tiles + 1);
  auto* histograms = histograms_.get<std::uint32_t>(tiles * threads);
  std::memset(histograms, 0, sizeof(std::uint32_t) * tiles * threads);
  const Stages& stages = active_stages();
  auto begin_of = [&](int t) { return V * t / threads; };

  // Where each thread may write its pairs: an upper bound, so that no counting pass is needed first.
  std::vector<std::uint64_t> bounds(threads + 1, 0);
  for (int t = 0; t < threads; ++t) {
    bounds[t + 1] = bounds[t] + kPairSlack;
    for (std::int64_t r = begin_of(t); r < begin_of(t + 1); ++r)
      bounds[t + 1] += projected_.tile_bound[sorted_.keys[r] & 0xffffffffu];
  }
  if (bounds[threads] > UINT32_MAX)
    throw std::length_error(
        "the Gaussians cover more than 2^32 tiles in all; render a smaller picture or fewer of them");
  binned_.pair_tile = pair_tile_.get<std::uint32_t>(bounds[threads]);
  binned_.pair_rank = pair_rank_.get<std::uint32_t>(bounds[threads]);
  binned_.pair_slot = keep ? pair_slot_.get<std::uint32_t>(bounds[threads]) : nullptr;

  std::vector<std::uint32_t> ends(threads);
#pragma omp parallel for num_threads(threads) schedule(static, 1)
  for (int t = 0; t < threads; ++t) {
    stages.gather(scene, projected_, sorted_, begin_of(t), begin_of(t + 1));
    ends[t] = stages.list_tiles(sorted_, binned_, begin_of(t), begin_of(t + 1), std::uint32_t(bounds[t]),
                                histograms + t * tiles);
  }
  std::uint32_t next = 0;
  for (std::size_t tile = 0; tile < tiles; ++tile) {
    binned_.tile_start[tile] = next;
    for (int t = 0; t < threads; ++t) {
      const std::uint32_t here = histograms[t * tiles + tile];
      histograms[t * tiles + tile] = next, next += here;
    }
  }
  binned_.tile_start[tiles] = next;
  binned_.lists = lists_.get<std::uint32_t>(next);

#pragma omp parallel for num_threads(threads) schedule(static, 1)
  for (int t = 0; t < threads; ++t) {
    std::uint32_t* cursor = histograms + t * tiles;
    for (std::uint32_t j = std::uint32_t(bounds[t]); j < ends[t]; ++j) {
      const std::uint32_t slot = cursor[binned_.pair_tile[j]]++;
      binned_.lists[slot] = binned_.pair_rank[j];
      if (keep) binned_.pair_slot[j] = slot;
    }
  }
}

void Workspace::forward(const SceneView& scene, const Images& out, float* means2d, std::int32_t* radii, bool keep,
                        int threads) {
  {
    Stopwatch watch(timings.project);
    project(scene, means2d, radii, threads);
  }
  {
    Stopwatch watch(timings.sort);
    sort(scene, threads);
  }
  {
    Stopwatch watch(timings.bin);
    bin(scene, keep, threads);
  }
  Stopwatch watch(timings.blend);
  const auto stage = active_stages().blend;
  const int tiles = binned_.tiles_x * binned_.tiles_y;
#pragma omp parallel for num_threads(threads) schedule(dynamic, 4)
  for (int tile = 0; tile < tiles; ++tile) stage(scene, sorted_, binned_, out, tile);
}

Work Workspace::count(const SceneView& scene) const {
  Work work;
  for (int tile = 0; tile < binned_.tiles_x * binned_.tiles_y; ++tile)
    active_stages().count(scene, sorted_, binned_, tile, work);
  return work;
}

void Workspace::backward(const SceneView& scene, const Images& images, const ImageGradients& v,
                         const SceneGradients& out, float* v_viewmat, float* v_background, int threads) {
  const Stages& stages = active_stages();
  const int tiles = binned_.tiles_x * binned_.tiles_y;
  const bool pulls = out.absgrad;
  float* partial = partial_.get<float>(std::size_t(binned_.tile_start[tiles]) * partial_row(scene.channels(), pulls));
  const bool sum_background = v_background && !scene.has_plate;
  float* background = sum_background ? background_partial_.get<float>(std::size_t(tiles) * scene.D) : nullptr;
  {
    Stopwatch watch(timings.blend_vjp);
#pragma omp parallel for num_threads(threads) schedule(dynamic, 4)
    for (int tile = 0; tile < tiles; ++tile)
      stages.blend_vjp(scene, sorted_, binned_, images, v, pulls, partial,
                       background ? background + std::size_t(tile) * scene.D : v_background, tile);
    if (background)
      for (int tile = 0; tile < tiles; ++tile)
        for (int k = 0; k < scene.D; ++k) v_background[k] += background[std::size_t(tile) * scene.D + k];
  }
  Stopwatch watch(timings.project_vjp);
  const std::int64_t chunks = chunks_of(scene.N);
  float* view = v_viewmat ? view_partial_.get<float>(std::size_t(chunks) * 12) : nullptr;
#pragma omp parallel for num_threads(threads) schedule(static)
  for (std::int64_t c = 0; c < chunks; ++c)
    stages.project_vjp(scene, sorted_, binned_, partial, out, view ? view + c * 12 : nullptr, c * kChunk,
                       std::min((c + 1) * kChunk, scene.N));
  if (!view) return;
  for (std::int64_t c = 0; c < chunks; ++c)
    for (int i = 0; i < 3; ++i) {
      for (int j = 0; j < 3; ++j) v_viewmat[4 * i + j] += view[c * 12 + 3 * i + j];
      v_viewmat[4 * i + 3] += view[c * 12 + 9 + i];
    }
}

namespace {

constexpr std::size_t kPooled = 4;
std::mutex pool_mutex;
// Never destroyed: a graph may outlive the interpreter's static teardown.
std::vector<Workspace*>& pool = *new std::vector<Workspace*>;

}  // namespace

void Recycle::operator()(Workspace* workspace) const {
  const std::lock_guard<std::mutex> lock(pool_mutex);
  if (pool.size() < kPooled)
    pool.push_back(workspace);
  else
    delete workspace;
}

WorkspacePtr take_workspace() {
  const std::lock_guard<std::mutex> lock(pool_mutex);
  if (pool.empty()) return WorkspacePtr(new Workspace);
  WorkspacePtr workspace(pool.back());
  pool.pop_back();
  return workspace;
}

}  // namespace gh
