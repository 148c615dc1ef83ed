#!/usr/bin/env bash
# check_hardening.sh PROGRAM: does the program have what reliability.md 9.4 asks of it? Prints a line for
# each thing that is missing and exits 1 when there was one, 2 when it cannot tell.
set -uo pipefail
program=${1:?usage: check_hardening.sh PROGRAM}
command -v readelf >/dev/null || { echo "check_hardening.sh: there is no readelf (binutils)" >&2; exit 2; }
headers=$(readelf --wide --file-header --program-headers --notes "$program") || exit 2
dynamic=$(readelf --wide --dynamic "$program") || exit 2
symbols=$(readelf --wide --dyn-syms "$program") || exit 2

missing=0
# want WHAT TEXT PATTERN, refuse WHAT TEXT PATTERN
want() { grep -qE "$3" <<<"$2" || { echo "$program: $1"; missing=1; }; }
refuse() { ! grep -qE "$3" <<<"$2" || { echo "$program: $1"; missing=1; }; }

want "is not position independent" "$headers" 'Type:[[:space:]]+DYN \(Position-Independent'
want "has no GNU_RELRO segment" "$headers" 'GNU_RELRO'
want "resolves symbols late (no BIND_NOW)" "$dynamic" 'BIND_NOW|FLAGS_1.*NOW'
want "does not say that its stack is not executable" "$headers" 'GNU_STACK.* RW +0x'
refuse "has memory that can be written and executed" "$headers" '(LOAD|GNU_STACK).* RWE '
refuse "searches libraries where it was built (RPATH)" "$dynamic" 'RPATH|RUNPATH'
want "has no stack protector" "$symbols" '__stack_chk_fail'
want "has no fortified calls" "$symbols" '__[a-z]+_chk(@|$)'
# Not the mark of the whole program, which the start files of Debian 12's C library do not carry.
if grep -q 'Machine:.*X86-64' <<<"$headers"; then
  want "has no landing pads for jumps (CET)" "$(objdump -d --disassemble=main "$program")" endbr64
fi
exit $missing
