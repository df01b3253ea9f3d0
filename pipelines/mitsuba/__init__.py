"""Mitsuba 3: physically based rendering of XML and dict scenes on CPU (LLVM, scalar) and CUDA."""
