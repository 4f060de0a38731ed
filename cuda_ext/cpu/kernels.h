// Declarations behind one instruction set's table of stages (see stages.h).
#pragma once

#include "../core/config.h"
#include "stages.h"

namespace gh::GH_ISA {

void project_range(const SceneView&, const Projected&, float* means2d, int32_t* radii, int64_t begin, int64_t end);
void gather_range(const SceneView&, const Projected&, const Sorted&, int64_t begin, int64_t end);
uint32_t list_tiles_range(const Sorted&, const Binned&, int64_t begin, int64_t end, uint32_t next_pair,
                          uint32_t* histogram);
void blend_tile(const SceneView&, const Sorted&, const Binned&, const Images&, int tile);
void blend_vjp_tile(const SceneView&, const Sorted&, const Binned&, const Images&, const ImageGradients&, bool pulls,
                    float* partial, float* v_background, int tile);
void count_tile(const SceneView&, const Sorted&, const Binned&, int tile, Work&);
void project_vjp_range(const SceneView&, const Sorted&, const Binned&, const float* partial, const SceneGradients&,
                       float* v_view, int64_t begin, int64_t end);
void deform_range(const BranchView&, const float* pose, const Deformed&, int64_t begin, int64_t end);
void deform_vjp_range(const BranchView&, const float* pose, const DeformCotangents&, const BranchGradients&,
                      bool want_pose, bool add, float* sums, int64_t begin, int64_t end);
void ssim_rows(const SsimView&, const float* zeros, float* scratch, float* similarity, const SsimPartials*, int begin,
               int end);
void ssim_vjp_rows(const SsimView&, const float* zeros, float* scratch, const SsimPartials&, const float* v_similarity,
                   float* v_a, float* v_b, int begin, int end);
void sh_range(const ShView&, float* rgb, int64_t begin, int64_t end);
void sh_vjp_range(const ShView&, const float* v_rgb, const ShGradients&, int64_t begin, int64_t end);

}  // namespace gh::GH_ISA
