#   Runs each class's own test under valgrind memcheck and prints TAP. Called
#   by `make memcheck`, which says where things are.

if [ -z "$VALGRIND" ]; then
    echo "1..0 # SKIP configure found no valgrind (valgrind)"
    exit 0
fi
if [ -n "$ZRELAY_SANITIZE" ]; then
    echo "1..0 # SKIP valgrind cannot run what was built with sanitizers"
    exit 0
fi
selftest=$TOP_BUILDDIR/selftest/zrelay_selftest
classes=${CLASSES:-$("$selftest" --list)}

#   What valgrind returns if it found an error, unlike any test's own status
error_status=99
#   Memory that is still reachable at the end is not lost, and libraries
#   legitimately keep some for as long as the process lives
set -- "$VALGRIND" --tool=memcheck --quiet --leak-check=full \
    --show-leak-kinds=definite,indirect,possible \
    --errors-for-leak-kinds=definite,indirect,possible \
    --suppressions="$TOP_SRCDIR/tests/memcheck.supp" \
    --track-origins=yes --num-callers=30 --error-exitcode=$error_status

number=0
failed=0
for class in $classes; do
    number=$((number + 1))
    output=$($LIBTOOL --mode=execute "$@" \
        "$selftest" --in-process --test "$class" 2>&1)
    status=$?
    if [ $status -eq 0 ]; then
        echo "ok $number - memcheck $class"
    else
        failed=$((failed + 1))
        printf '%s\n' "$output" | sed 's/^/#   /'
        echo "#   exit status $status"
        echo "not ok $number - memcheck $class"
    fi
done
echo "1..$number"
[ $failed -eq 0 ]
