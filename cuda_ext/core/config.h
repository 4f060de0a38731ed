// Constants and macros shared by every backend, forward and backward alike.
#pragma once

#if defined(__CUDACC__)
#define GH_FN __host__ __device__ __forceinline__
#else
#define GH_FN inline
#endif

// Each instruction set compiles these headers into a namespace of its own, so that the linker
// can never hand an AVX-512 instantiation to a machine without it.
#ifndef GH_ISA
#define GH_ISA generic
#endif

namespace gh {

constexpr float kAlphaMax = 0.999f;                    // alpha never reaches 1, so 1 - alpha can be divided by
constexpr float kAlphaMin = 1.0f / 255.0f;             // fainter contributions are skipped
constexpr float kTransmittanceMin = 1e-4f;             // a pixel stops before falling to this
constexpr float kLog2AlphaMin = -7.9943534368588578f;  // log2(kAlphaMin)
constexpr float kLog2AlphaMax = -0.0014434169140016f;  // log2(kAlphaMax)
constexpr float kFrustumMargin = 0.3f;                 // the local affine map is clamped this far outside the image
constexpr float kLog2E = 1.4426950408889634f;
constexpr int kTile = 16;  // pixels per tile side
constexpr int kTilePixels = kTile * kTile;

// One projected splat as the blending kernels read it: this many floats, then its channels
// (colors, extra, depth), padded to a multiple of 4.
constexpr int kSplatHeader = 12;

// Partial gradients per (splat, tile): sums of g, g dx, g dy, g dx^2, g dx dy, g dy^2, then channels.
constexpr int kMoments = 6;
constexpr int kPulls = 2;  // and behind the channels, where they are asked for: see core/splat.h

constexpr int kChannelLimit = 128;  // colors, extra and depth together

}  // namespace gh
