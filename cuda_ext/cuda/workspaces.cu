// Workspaces that are free: where a call finds the memory of one before it.
#include <algorithm>
#include <mutex>
#include <vector>

#include "rasterizer.h"
#include "runtime.h"

namespace gh {

namespace {

constexpr std::size_t kPooled = 4;
std::mutex pool_mutex;
// Never destroyed: a graph may outlive the interpreter's static teardown.
std::vector<CudaWorkspace*>&pool = *new std::vector<CudaWorkspace*>, &retired = *new std::vector<CudaWorkspace*>;

}  // namespace

void forget_graphs(std::uint64_t capture) {
  const std::lock_guard<std::mutex> lock(pool_mutex);
  const auto gone = std::partition(retired.begin(), retired.end(),
                                   [&](const CudaWorkspace* held) { return capture && held->capture() != capture; });
  std::for_each(gone, retired.end(), [](CudaWorkspace* held) { delete held; });
  retired.erase(gone, retired.end());
}

void Recycle::operator()(CudaWorkspace* workspace) const {
  const std::lock_guard<std::mutex> lock(pool_mutex);
  if (workspace->capture()) {  // a graph may still write to its memory
    retired.push_back(workspace);
    return;
  }
  pool.push_back(workspace);
  if (pool.size() <= kPooled) return;
  delete pool.front();
  pool.erase(pool.begin());
}

CudaPlan take_workspace(int device, cudaStream_t stream) {
  const std::lock_guard<std::mutex> lock(pool_mutex);
  const std::uint64_t capture = capture_of(stream);
  for (auto* from : {&retired, &pool})  // what a call before this one of the same graph used is free again
    for (std::size_t i = from->size(); i-- > 0;) {
      CudaWorkspace* held = (*from)[i];
      if (held->device != device || held->stream != stream || (held->capture() && held->capture() != capture)) continue;
      from->erase(from->begin() + std::ptrdiff_t(i));
      return CudaPlan(held);
    }
  CudaPlan fresh(new CudaWorkspace);
  fresh->device = device, fresh->stream = stream;
  return fresh;
}

}  // namespace gh
