// The handful of operations that the shared mathematics needs, for plain scalars.
// The CPU's vector types provide the same names in cpu/simd.h.
#pragma once

#include <math.h>

#include "config.h"

namespace gh::GH_ISA {

GH_FN float select(bool mask, float a, float b) { return mask ? a : b; }
GH_FN double select(bool mask, double a, double b) { return mask ? a : b; }
GH_FN bool both(bool a, bool b) { return a && b; }
GH_FN bool less(float a, float b) { return a < b; }
GH_FN bool less(double a, double b) { return a < b; }
GH_FN bool at_least(float a, float b) { return a >= b; }
GH_FN float minimum(float a, float b) { return a < b ? a : b; }
GH_FN double minimum(double a, double b) { return a < b ? a : b; }
GH_FN float maximum(float a, float b) { return a > b ? a : b; }
GH_FN double maximum(double a, double b) { return a > b ? a : b; }
GH_FN float square_root(float a) { return sqrtf(a); }
GH_FN double square_root(double a) { return sqrt(a); }
GH_FN float absolute(float a) { return fabsf(a); }
GH_FN double absolute(double a) { return fabs(a); }
GH_FN float power_of_two(float a) { return exp2f(a); }
GH_FN float reciprocal(float a) { return 1.0f / a; }
GH_FN float negative_where(bool mask, float a) { return mask ? -fabsf(a) : a; }

}  // namespace gh::GH_ISA
