// The arrays of one call as Python hands them over, for the CPU and for CUDA alike.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>

#include <optional>

#include "../core/scene.h"

namespace gh {

namespace nb = nanobind;

template <class Device>
using In = nb::ndarray<const float, nb::c_contig, Device>;
template <class Device>
using Out = nb::ndarray<float, nb::c_contig, Device>;
template <class Device>
using OutInt = nb::ndarray<std::int32_t, nb::c_contig, Device>;

template <class Device>
struct Scene {
  In<Device> means, quats, scales, opacities, colors, extra, viewmats, Ks;
  std::optional<In<Device>> backgrounds;
  int width, height;
  float near_plane, far_plane, eps2d;

  int cameras() const { return int(viewmats.shape(0)); }
  int D() const { return int(colors.shape(colors.ndim() - 1)); }
  int E() const { return int(extra.shape(1)); }
  std::int64_t N() const { return std::int64_t(means.shape(0)); }
  std::size_t pixels() const { return std::size_t(width) * height; }
  // Colors are [N, D], or [C, N, D] where they depend on the view.
  bool colors_per_camera() const { return colors.ndim() == 3; }
  // Backgrounds are [C, D], or plates [C, H, W, D].
  bool has_plate() const { return backgrounds && backgrounds->ndim() == 4; }
  std::size_t background_offset(int c) const { return (has_plate() ? pixels() : 1) * std::size_t(c) * D(); }
  std::size_t color_offset(int c) const { return colors_per_camera() ? std::size_t(c) * N() * D() : 0; }

  SceneView camera(int c) const {
    const float* background = backgrounds ? backgrounds->data() + background_offset(c) : nullptr;
    return {means.data(),
            quats.data(),
            scales.data(),
            opacities.data(),
            colors.data() + color_offset(c),
            extra.data(),
            viewmats.data() + 16 * c,
            Ks.data() + 9 * c,
            background,
            N(),
            D(),
            E(),
            width,
            height,
            near_plane,
            far_plane,
            eps2d,
            has_plate()};
  }
};

template <class Device>
struct Outputs {
  Out<Device> rgb, alpha, depth, extra;

  Images camera(const Scene<Device>& scene, int c) const {
    const std::size_t offset = scene.pixels() * c;
    return {rgb.data() + offset * scene.D(), alpha.data() + offset, depth.data() + offset,
            extra.data() + offset * scene.E()};
  }
};

template <class Device>
struct Cotangents {
  std::optional<In<Device>> rgb, alpha, depth, extra;

  ImageGradients camera(const Scene<Device>& scene, int c) const {
    const std::size_t offset = scene.pixels() * c;
    return {rgb ? rgb->data() + offset * scene.D() : nullptr, alpha ? alpha->data() + offset : nullptr,
            depth ? depth->data() + offset : nullptr, extra ? extra->data() + offset * scene.E() : nullptr};
  }
};

template <class Device>
struct Gradients {
  Out<Device> means, quats, scales, opacities, colors, extra, means2d;
  std::optional<Out<Device>> viewmats, backgrounds;

  SceneGradients camera(const Scene<Device>& scene, int c) const {
    return {means.data(),
            quats.data(),
            scales.data(),
            opacities.data(),
            colors.data() + scene.color_offset(c),
            extra.data(),
            means2d.data() + 2 * scene.N() * c,
            c > 0};
  }
};

// Scene, Outputs, Cotangents and Gradients of one device as classes of a Python module.
template <class Device>
void bind_arrays(nb::module_& m) {
  using namespace nb::literals;
  using I = In<Device>;
  using O = Out<Device>;
  using MaybeI = std::optional<I>;
  using MaybeO = std::optional<O>;
  nb::class_<Scene<Device>>(m, "Scene")
      .def(nb::init<I, I, I, I, I, I, I, I, MaybeI, int, int, float, float, float>(), "means"_a.noconvert(),
           "quats"_a.noconvert(), "scales"_a.noconvert(), "opacities"_a.noconvert(), "colors"_a.noconvert(),
           "extra"_a.noconvert(), "viewmats"_a.noconvert(), "Ks"_a.noconvert(), "backgrounds"_a.noconvert().none(),
           "width"_a, "height"_a, "near_plane"_a, "far_plane"_a, "eps2d"_a);
  nb::class_<Outputs<Device>>(m, "Outputs")
      .def(nb::init<O, O, O, O>(), "rgb"_a.noconvert(), "alpha"_a.noconvert(), "depth"_a.noconvert(),
           "extra"_a.noconvert());
  nb::class_<Cotangents<Device>>(m, "Cotangents")
      .def(nb::init<MaybeI, MaybeI, MaybeI, MaybeI>(), "rgb"_a.noconvert().none(), "alpha"_a.noconvert().none(),
           "depth"_a.noconvert().none(), "extra"_a.noconvert().none());
  nb::class_<Gradients<Device>>(m, "Gradients")
      .def(nb::init<O, O, O, O, O, O, O, MaybeO, MaybeO>(), "means"_a.noconvert(), "quats"_a.noconvert(),
           "scales"_a.noconvert(), "opacities"_a.noconvert(), "colors"_a.noconvert(), "extra"_a.noconvert(),
           "means2d"_a.noconvert(), "viewmats"_a.noconvert().none(), "backgrounds"_a.noconvert().none());
}

}  // namespace gh
