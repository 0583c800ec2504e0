/* A C and C++ user: needs GLIBC_2.34, GLIBCXX_3.4.29 and CXXABI_1.3.9, and a library of nobody's. */
extern int dlclose(void *);                        /* GLIBC_2.34 */
extern void _ZSt28__throw_bad_array_new_lengthv(void); /* GLIBCXX_3.4.29 */
extern void _ZdlPvm(void *, unsigned long);        /* CXXABI_1.3.9 */
extern int nobody(void);
int user(void *p) { _ZSt28__throw_bad_array_new_lengthv(); _ZdlPvm(p, 8); return dlclose(p) + nobody(); }
