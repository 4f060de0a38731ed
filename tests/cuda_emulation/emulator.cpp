// The scheduler of the emulated device.
#include "emulator.h"

#include <cuda_runtime_api.h>
#include <setjmp.h>
#include <ucontext.h>

#include <memory>
#include <mutex>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif

uint3 threadIdx, blockIdx;
dim3 blockDim, gridDim;

namespace gpu {

namespace {

constexpr int kWarp = 32, kMostThreads = 1024;
constexpr size_t kStack = 256 << 10;

enum class State { kReady, kAtBarrier, kAtWarp, kFinished };

struct Fiber {
  ucontext_t context;
  jmp_buf jump;
  std::unique_ptr<char[]> stack;
  void* fake_stack = nullptr;
  bool started = false;
  uint3 index;
  State state = State::kFinished;
  const char* site = nullptr;
  bool predicate = false;
  unsigned mask = 0;
  Deposit deposit{};
  Exchange exchange = nullptr;
  uint64_t result = 0;
};

Fiber fibers[kMostThreads];
Fiber* running = nullptr;
void (*body)(void*);
void* arguments;
int threads, finished, at_barrier;
uint32_t ready[kMostThreads / kWarp];  // bit per lane
int barrier_result;
uint32_t order = 0;
std::mt19937 generator;
uint64_t launch_count = 0;
std::mutex device;

#if defined(__SANITIZE_ADDRESS__)
ucontext_t scheduler;
const void* host_stack;
size_t host_stack_size;
void* host_fake_stack;

void to_fiber(Fiber& fiber) {
  __sanitizer_start_switch_fiber(&host_fake_stack, fiber.stack.get(), kStack);
  swapcontext(&scheduler, &fiber.context);
  __sanitizer_finish_switch_fiber(host_fake_stack, nullptr, nullptr);
}
void to_scheduler(Fiber& fiber) {
  __sanitizer_start_switch_fiber(&fiber.fake_stack, host_stack, host_stack_size);
  swapcontext(&fiber.context, &scheduler);
  __sanitizer_finish_switch_fiber(fiber.fake_stack, nullptr, nullptr);
}
void on_start() { __sanitizer_finish_switch_fiber(nullptr, &host_stack, &host_stack_size); }
#else
jmp_buf scheduler_jump;

// swapcontext costs a system call; once a fiber has its stack, jumps do.
void to_fiber(Fiber& fiber) {
  if (_setjmp(scheduler_jump)) return;
  if (fiber.started) _longjmp(fiber.jump, 1);
  fiber.started = true;
  setcontext(&fiber.context);
}
void to_scheduler(Fiber& fiber) {
  if (!_setjmp(fiber.jump)) _longjmp(scheduler_jump, 1);
}
void on_start() {}
#endif

void fiber_main() {
  on_start();
  for (;;) {
    body(arguments);
    running->state = State::kFinished;
    to_scheduler(*running);
  }
}

void prepare(Fiber& fiber) {
  if (fiber.stack) return;
  fiber.stack.reset(new char[kStack]);
  fiber.started = false;
  getcontext(&fiber.context);
  fiber.context.uc_stack.ss_sp = fiber.stack.get();
  fiber.context.uc_stack.ss_size = kStack;
  fiber.context.uc_link = nullptr;
  makecontext(&fiber.context, fiber_main, 0);
}

void set_ready(int thread) {
  fibers[thread].state = State::kReady;
  ready[thread / kWarp] |= 1u << thread % kWarp;
}

std::string describe(int thread) {
  const Fiber& fiber = fibers[thread];
  const std::string who = "thread " + std::to_string(thread);
  switch (fiber.state) {
    case State::kAtBarrier:
      return who + " waits at the barrier " + fiber.site;
    case State::kAtWarp:
      return who + " waits at the warp operation " + fiber.site + " with mask " + std::to_string(fiber.mask);
    case State::kFinished:
      return who + " has returned";
    default:
      return who + " runs";
  }
}

// The launch is lost; its fibers stand in the middle of a kernel and are thrown away.
[[noreturn]] void fail(const std::string& what, int a, int b) {
  const std::string text = what + ": " + describe(a) + ", " + describe(b);
  for (Fiber& fiber : fibers) fiber.stack.reset();
  throw std::logic_error("block " + std::to_string(blockIdx.x) + ": " + text);
}

bool same_site(const Fiber& a, const Fiber& b) { return a.site == b.site || strcmp(a.site, b.site) == 0; }

// All threads that have not returned are at the barrier.
void release_barrier() {
  int first = 0, count = 0;
  while (fibers[first].state != State::kAtBarrier) ++first;
  for (int i = first; i < threads; ++i) {
    if (fibers[i].state != State::kAtBarrier) continue;
    if (!same_site(fibers[i], fibers[first])) fail("threads meet at different barriers", first, i);
    count += fibers[i].predicate;
  }
  for (int i = first; i < threads; ++i)
    if (fibers[i].state == State::kAtBarrier) set_ready(i);
  barrier_result = count;
  at_barrier = 0;
}

// Completes the warp operation of `thread` if every lane of its mask has come.
void complete_warp(int thread) {
  const int base = thread / kWarp * kWarp;
  const Fiber& me = fibers[thread];
  if (!(me.mask >> thread % kWarp & 1)) fail("a lane is not in its own mask", thread, thread);
  Deposit lanes[kWarp] = {};
  for (int i = 0; i < kWarp; ++i) {
    if (!(me.mask >> i & 1)) continue;
    const int other = base + i;
    if (other >= threads || fibers[other].state == State::kFinished)
      fail("a warp operation names a lane that is not there", thread, other);
    if (fibers[other].state != State::kAtWarp) return;
    if (!same_site(fibers[other], me) || fibers[other].mask != me.mask)
      fail("lanes of one mask meet at different warp operations", thread, other);
    lanes[i] = fibers[other].deposit;
    lanes[i].present = true;
  }
  for (int i = 0; i < kWarp; ++i)
    if (lanes[i].present) {
      fibers[base + i].result = me.exchange(lanes, i);
      set_ready(base + i);
    }
}

int next_thread() {
  const int warps = (threads + kWarp - 1) / kWarp;
  if (order == 1) {
    for (int w = warps - 1; w >= 0; --w)
      if (ready[w]) return w * kWarp + 31 - __builtin_clz(ready[w]);
    return -1;
  }
  const int start = order ? int(generator() % warps) : 0;
  for (int i = 0; i < warps; ++i) {
    const int w = (start + i) % warps;
    if (!ready[w]) continue;
    if (!order) return w * kWarp + __builtin_ctz(ready[w]);
    uint32_t left = ready[w];
    for (int skip = int(generator() % __builtin_popcount(left)); skip; --skip) left &= left - 1;
    return w * kWarp + __builtin_ctz(left);
  }
  return -1;
}

void run_block() {
  finished = at_barrier = 0;
  for (int i = 0; i < threads; ++i) {
    fibers[i].index = {unsigned(i), 0, 0};
    set_ready(i);
  }
  while (finished < threads) {
    const int thread = next_thread();
    if (thread < 0) {  // whoever waits, waits for ever
      int a = 0, b = 0;
      while (fibers[a].state == State::kFinished) ++a;
      for (int i = 0; i < threads; ++i)
        if (fibers[i].state != fibers[a].state ||
            (fibers[i].site && fibers[a].site && !same_site(fibers[i], fibers[a])))
          b = i;
      fail("threads wait for each other", a, b);
    }
    ready[thread / kWarp] &= ~(1u << thread % kWarp);
    running = &fibers[thread];
    threadIdx = running->index;
    to_fiber(*running);
    if (running->state == State::kFinished) ++finished;
    if (running->state == State::kAtBarrier) ++at_barrier;
    if (running->state == State::kAtWarp) complete_warp(thread);
    if (at_barrier && at_barrier + finished == threads) release_barrier();
  }
}

}  // namespace

int barrier(const char* site, bool predicate, Vote vote) {
  Fiber& me = *running;
  me.state = State::kAtBarrier, me.site = site, me.predicate = predicate;
  to_scheduler(me);
  if (vote == Vote::kCount) return barrier_result;
  return vote == Vote::kOr ? barrier_result > 0 : barrier_result == threads;
}

uint64_t warp(const char* site, unsigned mask, uint64_t value, int argument, Exchange exchange) {
  Fiber& me = *running;
  me.state = State::kAtWarp, me.site = site, me.mask = mask;
  me.deposit = {value, argument, true}, me.exchange = exchange;
  to_scheduler(me);
  return me.result;
}

uint64_t ballot(const char* site, unsigned mask, bool predicate) {
  return warp(site, mask, predicate, 0, [](const Deposit* lanes, int) {
    uint64_t bits = 0;
    for (int i = 0; i < kWarp; ++i) bits |= uint64_t(lanes[i].present && lanes[i].value) << i;
    return bits;
  });
}

cudaError_t run(const cudaLaunchConfig_t& config, void (*kernel_body)(void*), void* kernel_arguments) {
  const std::lock_guard<std::mutex> lock(device);
  const dim3 grid = config.gridDim, block = config.blockDim;
  if (!grid.x || !block.x || block.x > unsigned(kMostThreads) || grid.y != 1 || grid.z != 1 || block.y != 1 ||
      block.z != 1 || grid.x > 0x7fffffffu)
    return cudaErrorInvalidValue;
  ++launch_count;
  body = kernel_body, arguments = kernel_arguments;
  gridDim = grid, blockDim = block, threads = int(block.x);
  for (int i = 0; i < threads; ++i) prepare(fibers[i]);
  memset(ready, 0, sizeof ready);
  generator.seed(order);
  for (unsigned b = 0; b < grid.x; ++b) {
    blockIdx = {order % 2 ? grid.x - 1 - b : b, 0, 0};
    run_block();
  }
  return cudaSuccess;
}

void use_order(std::uint32_t wanted) { order = wanted; }
std::uint64_t launches() { return launch_count; }

}  // namespace gpu
