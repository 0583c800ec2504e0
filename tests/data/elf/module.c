/* All that NumPy's headers and Cython leave in modules; tests blank out what a module does not have. */
const char *const marks[] = {
    "numpy._core._multiarray_umath",
    "numpy.core._multiarray_umath",
    "numpy.core.multiarray failed to import",
    "_ARRAY_API",
    "%.200s.%.200s size changed, may indicate binary incompatibility. Expected %zd from C header, got %zd",
};
void *PyInit_module(void) { return (void *)marks; }
