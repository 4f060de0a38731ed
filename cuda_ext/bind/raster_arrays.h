// The arrays of one call as Python hands them over, for the CPU and for CUDA alike.
#pragma once

#include "../core/scene.h"
#include "arrays.h"

namespace gh {

namespace nb = nanobind;

template <class Device>
struct Scene {
  using A = In<Device>;
  A means, quats, scales, opacities, colors, extra, viewmats, Ks;
  MaybeIn<Device> backgrounds;
  int width, height;
  float near_plane, far_plane, eps2d;

  Scene(A means, A quats, A scales, A opacities, A colors, A extra, A viewmats, A Ks, MaybeIn<Device> backgrounds,
        int width, int height, float near_plane, float far_plane, float eps2d)
      : means(means),
        quats(quats),
        scales(scales),
        opacities(opacities),
        colors(colors),
        extra(extra),
        viewmats(viewmats),
        Ks(Ks),
        backgrounds(backgrounds),
        width(width),
        height(height),
        near_plane(near_plane),
        far_plane(far_plane),
        eps2d(eps2d) {
    require("viewmats", viewmats, {-1, 4, 4});
    require("Ks", Ks, {cameras(), 3, 3});
    if (width < 1 || height < 1) throw std::invalid_argument("width and height of at least 1 were wanted.");
    if (means.ndim() < 2 || colors.ndim() < 1 || extra.ndim() < 1) throw std::invalid_argument("means [N, 3] wanted.");
    require("means", means, gaussians({3}));
    require("quats", quats, gaussians({covariances() ? 6 : 4}));
    require("scales", scales, gaussians({covariances() ? 0 : 3}));
    require("opacities", opacities, gaussians({}));
    require("extra", extra, gaussians({-1}));
    require("colors", colors, colors_per_camera() ? Shape{cameras(), N(), -1} : Shape{N(), -1});
    require("backgrounds", backgrounds, has_plate() ? images(D()) : Shape{cameras(), D()});
    if (D() + E() + 1 > kChannelLimit) throw std::invalid_argument("colors and extra have too many channels.");
  }

  // Different Gaussians in every image: arrays have a leading axis of images.
  bool gaussians_per_camera() const { return means.ndim() == 3; }
  Shape gaussians(const Shape& own) const {
    Shape shape = gaussians_per_camera() ? Shape{cameras(), N()} : Shape{N()};
    shape.insert(shape.end(), own.begin(), own.end());
    return shape;
  }
  Shape images() const { return {cameras(), height, width}; }
  Shape images(std::int64_t channels) const { return {cameras(), height, width, channels}; }
  Shape on_screen() const { return {cameras(), N()}; }

  int cameras() const { return int(viewmats.shape(0)); }
  int D() const { return int(colors.shape(colors.ndim() - 1)); }
  int E() const { return int(extra.shape(extra.ndim() - 1)); }
  std::int64_t N() const { return std::int64_t(means.shape(means.ndim() - 2)); }
  std::size_t pixels() const { return std::size_t(width) * height; }
  // Quats are [N, 4], or [N, 6] covariances, which leave no scales.
  bool covariances() const { return quats.ndim() > 1 && quats.shape(quats.ndim() - 1) == 6; }
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
            has_plate(),
            covariances()};
  }
};

template <class Device>
struct Outputs {
  Out<Device> rgb, alpha, depth, extra;

  void require_fits(const Scene<Device>& scene) const {
    require("rgb", rgb, scene.images(scene.D()));
    require("alpha", alpha, scene.images());
    require("depth", depth, scene.images());
    require("extra", extra, scene.images(scene.E()));
  }

  Images camera(const Scene<Device>& scene, int c) const {
    const std::size_t offset = scene.pixels() * c;
    return {rgb.data() + offset * scene.D(), alpha.data() + offset, depth.data() + offset,
            extra.data() + offset * scene.E()};
  }
};

template <class Device>
struct Cotangents {
  MaybeIn<Device> rgb, alpha, depth, extra;

  void require_fits(const Scene<Device>& scene) const {
    require("v_rgb", rgb, scene.images(scene.D()));
    require("v_alpha", alpha, scene.images());
    require("v_depth", depth, scene.images());
    require("v_extra", extra, scene.images(scene.E()));
  }

  ImageGradients camera(const Scene<Device>& scene, int c) const {
    const std::size_t offset = scene.pixels() * c;
    return {rgb ? rgb->data() + offset * scene.D() : nullptr, alpha ? alpha->data() + offset : nullptr,
            depth ? depth->data() + offset : nullptr, extra ? extra->data() + offset * scene.E() : nullptr};
  }
};

template <class Device>
struct Gradients {
  Out<Device> means, quats, scales, opacities, colors, extra, means2d;
  MaybeOut<Device> viewmats, backgrounds, absgrad;

  void require_fits(const Scene<Device>& scene) const {
    require("v_means", means, scene.gaussians({3}));
    require("v_quats", quats, scene.gaussians({scene.covariances() ? 6 : 4}));
    require("v_scales", scales, scene.gaussians({scene.covariances() ? 0 : 3}));
    require("v_opacities", opacities, scene.gaussians({}));
    require("v_extra", extra, scene.gaussians({scene.E()}));
    require("v_colors", colors,
            scene.colors_per_camera() ? Shape{scene.cameras(), scene.N(), scene.D()} : Shape{scene.N(), scene.D()});
    require("v_means2d", means2d, {scene.cameras(), scene.N(), 2});
    require("absgrad", absgrad, {scene.cameras(), scene.N(), 2});
    require("v_viewmats", viewmats, {scene.cameras(), 4, 4});
    if (backgrounds && !scene.backgrounds) throw std::invalid_argument("the scene has no backgrounds.");
    require("v_backgrounds", backgrounds,
            scene.has_plate() ? scene.images(scene.D()) : Shape{scene.cameras(), scene.D()});
  }

  SceneGradients camera(const Scene<Device>& scene, int c) const {
    return {means.data(),
            quats.data(),
            scales.data(),
            opacities.data(),
            colors.data() + scene.color_offset(c),
            extra.data(),
            means2d.data() + 2 * scene.N() * c,
            absgrad ? absgrad->data() + 2 * scene.N() * c : nullptr,
            c > 0};
  }
};

// Scene, Outputs, Cotangents and Gradients of one device as classes of a Python module.
template <class Device>
void bind_arrays(nb::module_& m) {
  using namespace nb::literals;
  using I = In<Device>;
  using O = Out<Device>;
  using MaybeI = MaybeIn<Device>;
  using MaybeO = MaybeOut<Device>;
  nb::class_<Scene<Device>>(m, "Scene", nb::dynamic_attr())
      .def(nb::init<I, I, I, I, I, I, I, I, MaybeI, int, int, float, float, float>(), "means"_a.noconvert(),
           "quats"_a.noconvert(), "scales"_a.noconvert(), "opacities"_a.noconvert(), "colors"_a.noconvert(),
           "extra"_a.noconvert(), "viewmats"_a.noconvert(), "Ks"_a.noconvert(), "backgrounds"_a.noconvert().none(),
           "width"_a, "height"_a, "near_plane"_a, "far_plane"_a, "eps2d"_a);
  nb::class_<Outputs<Device>>(m, "Outputs", nb::dynamic_attr())
      .def(nb::init<O, O, O, O>(), "rgb"_a.noconvert(), "alpha"_a.noconvert(), "depth"_a.noconvert(),
           "extra"_a.noconvert());
  nb::class_<Cotangents<Device>>(m, "Cotangents", nb::dynamic_attr())
      .def(nb::init<MaybeI, MaybeI, MaybeI, MaybeI>(), "rgb"_a.noconvert().none(), "alpha"_a.noconvert().none(),
           "depth"_a.noconvert().none(), "extra"_a.noconvert().none());
  nb::class_<Gradients<Device>>(m, "Gradients", nb::dynamic_attr())
      .def(nb::init<O, O, O, O, O, O, O, MaybeO, MaybeO, MaybeO>(), "means"_a.noconvert(), "quats"_a.noconvert(),
           "scales"_a.noconvert(), "opacities"_a.noconvert(), "colors"_a.noconvert(), "extra"_a.noconvert(),
           "means2d"_a.noconvert(), "viewmats"_a.noconvert().none(), "backgrounds"_a.noconvert().none(),
           "absgrad"_a.noconvert().none());
}

}  // namespace gh
