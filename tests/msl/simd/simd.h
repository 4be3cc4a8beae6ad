// Metal's SIMD types are declared in metal_stdlib beside this folder.
