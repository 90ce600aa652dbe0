#   Builds the fuzz targets with clang's libFuzzer, AddressSanitizer and
#   UndefinedBehaviorSanitizer, and runs each for FUZZ_SECONDS. Called by
#   `make fuzz`, which says where things are.
#
#   FUZZ_SECONDS   how long for each target (default 60)
#   FUZZ_TARGETS   which ones (default "command stats option gate config
#                  json permits join", and store if that is built)
#   FUZZ_CLANG     the compiler (default clang)
#
#   What is found to be interesting is kept in the folder fuzz of the build
#   tree, and the next run goes on from there. An input that ends the process
#   is left there too: tests/fuzz/fuzz_NAME FILE plays it again. Mended, it
#   belongs into tests/fuzz/corpus/NAME.

clang=${FUZZ_CLANG:-clang}
if ! command -v "$clang" > /dev/null; then
    echo "make fuzz needs clang and its runtime (clang, libclang-rt-dev)" >&2
    exit 1
fi
here=$TOP_SRCDIR/tests/fuzz
work=$TOP_BUILDDIR/fuzz
mkdir -p "$work"

#   A longer input is not more interesting, only slower
longest=1000

#   build TARGET
build () {
    case $1 in
        store) extra="-Isrc/store $STORE_CFLAGS $STORE_SOURCES $STORE_LIBS" ;;
        json) extra="-Isrc/program $JSON_CFLAGS
            src/program/zrelay_json_file.c $JSON_LIBS" ;;
        *) extra= ;;
    esac
    #   shellcheck disable=SC2086 # lists of words
    (cd "$TOP_SRCDIR" && "$clang" -std=gnu99 -Wall -Wextra -g -O1 \
        -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
        -Iinclude -Isrc/engine -Isrc/pipe -Isrc/gate -Isrc/plan \
        -Isrc/bridges $ZMQ_CFLAGS \
        -o "$work/fuzz_$1" \
        "$here/fuzz.c" "$here/fuzz_$1.c" $FUZZ_SOURCES $extra $ZMQ_LIBS)
}

#   run TARGET. libzmq frees on threads of its own and after the input, so
#   leaks are looked for at the end only.
run () {
    mkdir -p "$work/$1"
    "$work/fuzz_$1" -max_total_time="${FUZZ_SECONDS:-60}" \
        -max_len=$longest -detect_leaks=0 -timeout=60 -rss_limit_mb=4096 \
        -print_final_stats=1 -artifact_prefix="$work/$1-" \
        -dict="$here/$1.dict" "$work/$1" "$here/corpus/$1" \
        > "$work/$1.log" 2>&1
}

failed=0
all="command stats option gate config json permits join"
for target in ${FUZZ_TARGETS:-$all ${STORE_SOURCES:+store}}; do
    build "$target" || exit 1
    if run "$target"; then
        runs=$(sed -n 's/^stat::number_of_executed_units: *//p' \
            "$work/$target.log")
        cover=$(sed -n 's/^#[0-9]*[[:space:]]*DONE *\(cov: [0-9]* ft: [0-9]*\).*/\1/p' \
            "$work/$target.log")
        echo "fuzz_$target: $runs inputs, $cover, no failure"
    else
        tail -n 60 "$work/$target.log" | grep -v '^"' >&2
        echo "fuzz_$target: FAILED, see $work/$target.log"
        failed=1
    fi
done
exit $failed
