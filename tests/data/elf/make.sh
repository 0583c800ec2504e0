#!/bin/sh
# Makes the libraries of this folder anew (x86-64, gcc 12, binutils 2.40).
set -e
cd "$(dirname "$0")"
link="gcc -O1 -shared -fPIC -nostdlib -nostartfiles -s -Wl,-z,noseparate-code,--build-id=none,--hash-style=gnu,--no-as-needed"
tmp=$(mktemp -d)
echo 'int nobody(void) { return 0; }' | $link -Wl,-soname,libnobody.so.3 -x c - -o "$tmp/libnobody.so"
$link -Wl,-soname,libneeds.so.1 needs.c -o libneeds.so.1 -L"$tmp" -lnobody -lstdc++ -lc
echo 'GLIBCXX_3.4 { a; }; GLIBCXX_3.4.9 { b; }; GLIBCXX_3.4.30 { c; }; CXXABI_1.3.13 { d; };' >"$tmp/map"
echo 'int a, b, c, d;' | $link -Wl,-soname,libstdc++.so.6,--version-script="$tmp/map" -x c - -o libstdc++.so.6
$link module.c -o module.so
chmod 644 ./*.so*
rm -r "$tmp"
