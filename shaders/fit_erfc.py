#!/usr/bin/env python3
"""Fit the polynomial of `erfc_scaled` in parts/math.wgsl and print its coefficients.

erfc(z) exp(z^2) is smooth in t = 1 / (1 + 0.35 z); a Chebyshev fit of degree 9 over 0 <= z <= 9, weighted by
1 / value, has a relative error below 2e-8, less than half a unit in the last place of f32. Needs numpy.
"""
import math

import numpy
from numpy.polynomial import chebyshev, polynomial

SLOPE, DEGREE, LARGEST = 0.35, 9, 9.0
lowest = 1 / (1 + SLOPE * LARGEST)
nodes = numpy.cos(numpy.pi * (numpy.arange(400) + 0.5) / 400)
t = lowest + (1 - lowest) * (nodes + 1) / 2
z = (1 / t - 1) / SLOPE
value = numpy.array([math.erfc(v) * math.exp(v * v) for v in z])
fit = chebyshev.cheb2poly(chebyshev.chebfit(nodes, value, DEGREE, w=1 / value))
scale, shift = 2 / (1 - lowest), -(1 + lowest) / (1 - lowest)
in_t = numpy.array([0.0])
for coefficient in fit[::-1]:
    in_t = polynomial.polyadd(polynomial.polymul(in_t, [shift, scale]), [coefficient])
in_t = in_t[: DEGREE + 1]
worst = numpy.max(numpy.abs(polynomial.polyval(t, in_t.astype(numpy.float32).astype(float)) / value - 1))
print("relative error", worst)
for power in range(DEGREE, -1, -1):
    print(f"t^{power}: {numpy.float32(in_t[power])!r}")
