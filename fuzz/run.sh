#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the fuzz targets with clang into build-fuzz/ and runs each for so many seconds, as many at once as there are
# processors. Called by ./run fuzz.
#     fuzz/run.sh [seconds = 60]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
seconds=${1:-60}
jobs=${JOBS:-$(nproc)}
targets=(frame json safetensors) # the slowest first

if [[ ! -f build-fuzz/build.ninja ]]; then
    cmake -S . -B build-fuzz -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCMAKE_C_COMPILER=clang \
        -DCMAKE_CXX_COMPILER=clang++ "-DCMAKE_CXX_FLAGS_RELWITHDEBINFO=-O1 -g" -DSACCADE_FUZZ=ON \
        -DSACCADE_BUILD_TESTS=OFF -DSACCADE_BUILD_SAMPLES=OFF -DSACCADE_BUILD_TOOLS=OFF -DSACCADE_BUILD_BENCH=OFF \
        -DSACCADE_INSTALL=OFF ${SACCADE_CMAKE_ARGS:-}
fi
cmake --build build-fuzz --parallel "$jobs" --target "${targets[@]/%/_fuzzer}"

# Seeds of a target: its own, and the small files of the tests.
seed() { # target
    mkdir -p "build-fuzz/corpus/$1"
    if [[ -d fuzz/corpus/$1 ]]; then cp -n "fuzz/corpus/$1/"* "build-fuzz/corpus/$1/"; fi
    if [[ $1 != json ]]; then
        find tests/data -name '*.safetensors' -size -48k -exec cp -n {} "build-fuzz/corpus/$1/" \;
    fi
}

fuzzOne() { # target
    local dictionary=fuzz/$1.dict
    if [[ ! -f $dictionary ]]; then dictionary=fuzz/safetensors.dict; fi
    seed "$1"
    "build-fuzz/bin/$1_fuzzer" -max_total_time="$seconds" -max_len=65536 -timeout=25 -rss_limit_mb=4096 \
        -print_final_stats=1 -dict="$dictionary" -artifact_prefix="build-fuzz/$1-" "build-fuzz/corpus/$1" \
        >"build-fuzz/$1.log" 2>&1
}

failed=0
running=()
for target in "${targets[@]}"; do
    fuzzOne "$target" &
    running+=($!)
    if ((${#running[@]} >= jobs)); then
        wait "${running[0]}" || failed=1
        running=("${running[@]:1}")
    fi
done
for process in "${running[@]}"; do wait "$process" || failed=1; done

for target in "${targets[@]}"; do
    if grep -q '^stat::number_of_executed_units' "build-fuzz/$target.log" &&
        ! grep -qE '^(==[0-9]+==)?ERROR|SUMMARY:' "build-fuzz/$target.log"; then
        echo "fuzz: $target: $(awk '/^stat::number_of_executed_units/ {print $2}' "build-fuzz/$target.log") executions," \
            "coverage $(grep -oE 'cov: [0-9]+' "build-fuzz/$target.log" | tail -n 1 | cut -d' ' -f2), nothing found"
    else
        failed=1
        tail -n 40 "build-fuzz/$target.log"
        echo "fuzz: $target: FAILED, see build-fuzz/$target.log"
    fi
done
exit "$failed"
