# shellcheck shell=sh
# ./storm test: its steps, its environment, its report.
# Run by tests/storm.sh, which has the vocabulary.
# shellcheck disable=SC2154 # set there: root, box, bin, viewer, base…

test_base="$base [mesa-vulkan-drivers/bookworm-backports] [vulkan-validationlayers] [glslang-tools] [xvfb] [libx11-6] [libx11-xcb1] [libxcursor1] [libxi6] [libxkbcommon-x11-0]"

if story "test on a bare Debian 12: installs what tests need, runs every step with lavapipe and validation"; then
    machine debian12
    mkdir "$box/shared"
    echo 'echo "the tests of the script"' >"$box/my storm/tests/storm.sh"
    storm test
    exits 0
    ran <<END
apt-get [update]
apt-get [install] [-y] [--no-install-recommends] $test_base
cargo [fmt] [--all] [--check]
cargo [clippy] [--workspace] [--all-targets] [--] [-D] [warnings]
cargo [test] [--workspace] [--lib] [--bins] [--tests] [--] [--show-output]
cargo [test] [--workspace] [--doc]
cargo [doc] [--workspace] [--no-deps]
END
    lvp=$root/usr/share/vulkan/icd.d/lvp_icd.json
    file_is "$box/environment" \
        "$lvp|$lvp|VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT|$box/shared"
    file_is "$box/cwd" "$box/my storm"
    says "the tests of the script" "== clippy: cargo clippy --workspace --all-targets -- -D warnings" \
        "== doc: RUSTDOCFLAGS=-Dwarnings cargo doc --workspace --no-deps" "storm test: all passed"
    [ "$(grep -c '^storm test: .* ok ' "$box/out")" -eq 6 ] || wrong "the summary does not name six steps"
fi

if story "test where nextest is installed uses it, and counts the tests that were skipped"; then
    machine debian12
    has_everything
    : >"$box/nextest"
    mkdir -p "$box/my storm/target/nextest/default"
    # What cargo nextest leaves behind: the stub writes it where it would.
    stub cargo-writes <<'END'
echo '<system-out>test a ... skipped: no STORM_TEST_DATA</system-out>'
echo '<system-out>test b ... skipped: no STORM_TEST_DATA</system-out>'
END
    # shellcheck disable=SC2016 # expanded by the stub
    sed 's|^pwd >.*|&\n[ "$1" != nextest ] \|\| cargo-writes >target/nextest/default/junit.xml|' "$bin/cargo" >"$bin/c"
    mv "$bin/c" "$bin/cargo" && chmod +x "$bin/cargo"
    storm test unit
    exits 0
    ran <<'END'
cargo [nextest] [run] [--workspace]
END
    says "tests that did not run:" "2 skipped: no STORM_TEST_DATA" "without STORM_TEST_DATA"
fi

if story "test without nextest counts the skipped tests too, and a failure is not lost in the pipe"; then
    machine debian12
    has_everything
    printf 'skipped: no STORM_TEST_DATA\n' >"$box/says-test"
    storm test unit
    exits 0
    says "1 skipped: no STORM_TEST_DATA"
    echo 101 >"$box/fail-test"
    storm test unit
    exits 101
    says "storm test: unit FAILED"
    says_not "all passed"
fi

for at in fmt clippy doc; do
    if story "test stops where $at fails, says so, and exits with its code"; then
        machine debian12
        has_everything
        echo 'exit 0' >"$box/my storm/tests/storm.sh"
        echo 101 >"$box/fail-$at"
        storm test
        exits 101
        says "storm test: $at FAILED"
        says_not "all passed"
        last=$(tail -n 1 "$box/log")
        case $last in "cargo [$at]"*) ;; *) wrong "went on to: $last" ;; esac
    fi
done

if story "test stops where the script's own tests fail"; then
    machine debian12
    has_everything
    echo 'exit 9' >"$box/my storm/tests/storm.sh"
    storm test
    exits 9
    says "storm test: script FAILED"
fi

if story "test fmt needs no packages; an unknown step is refused"; then
    machine debian12
    storm test fmt
    exits 0
    ran <<'END'
cargo [fmt] [--all] [--check]
END
    storm test fmt unti
    exits 2
    ran_nothing
    says "there is no test step 'unti'; there are: fmt script clippy unit doctest doc"
fi

if story "test on a machine with a GPU still wants lavapipe: golden images are made on it"; then
    machine debian12
    for what in compiler pkg-config alsa loader validation glslang xvfb; do has $what; done
    mkdir -p "$root/etc/vulkan/icd.d" "$root/proc/driver/nvidia"
    : >"$root/etc/vulkan/icd.d/nvidia_icd.json"
    : >"$root/proc/driver/nvidia/version"
    storm test clippy
    exits 0
    says "lacks the software Vulkan driver (found: none"
    ran <<'END'
apt-get [update]
apt-get [install] [-y] [--no-install-recommends] [mesa-vulkan-drivers/bookworm-backports]
cargo [clippy] [--workspace] [--all-targets] [--] [-D] [warnings]
END
fi

if story "test leaves a driver, layers and data that the caller chose"; then
    machine debian12
    has_everything
    mkdir "$box/shared"
    with "VK_DRIVER_FILES=/opt/d.json VK_ICD_FILENAMES=/opt/d.json VK_LAYER_ENABLES=mine STORM_TEST_DATA=/data"
    storm test doctest
    exits 0
    file_is "$box/environment" "/opt/d.json|/opt/d.json|mine|/data"
fi

if story "optional packages alone are no reason to run apt"; then
    machine debian12
    has_everything
    rm "$bin/glslangValidator"
    storm test clippy
    exits 0
    ran <<'END'
cargo [clippy] [--workspace] [--all-targets] [--] [-D] [warnings]
END
fi
