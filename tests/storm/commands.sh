# shellcheck shell=sh
# What each command hands to cargo, and the doctor.
# Run by tests/storm.sh, which has the vocabulary.
# shellcheck disable=SC2034,SC2154 # set there: root, box, bin, viewer, base…

# ---- handing over to cargo -------------------------------------------------------------------------------------------

if story "paths with spaces and odd characters reach the viewer as they are, from the caller's folder"; then
    machine debian12
    has_everything
    # shellcheck disable=SC2016 # as they are
    storm render "a b.glb" -o '$HOME/*"x'"'y" "" --size 320x180
    exits 0
    ran <<END
$viewer [render] [a b.glb] [-o] [\$HOME/*"x'y] [] [--size] [320x180]
END
    file_is "$box/cwd" "$box/my models"
fi

if story "once the viewer is built cargo is quiet, and stdout is the viewer's alone"; then
    machine debian12
    has_everything
    mkdir -p "$box/my storm/target/release"
    : >"$box/my storm/target/release/storm-viewer"
    chmod +x "$box/my storm/target/release/storm-viewer"
    echo '{"meshes": 3}' >"$box/says-run"
    storm info --json a.glb
    exits 0
    ran <<'END'
cargo [run] [--release] [-q] [--manifest-path] [@STORM@/Cargo.toml] [-p] [storm-viewer] [--bin] [storm-viewer] [--] [info] [--json] [a.glb]
END
    file_is "$box/out" '{"meshes": 3}'
fi

if story "apt's chatter stays out of the viewer's stdout"; then
    machine debian12
    echo '{"meshes": 3}' >"$box/says-run"
    storm info --json a.glb
    exits 0
    file_is "$box/out" '{"meshes": 3}'
fi

if story "info only reads: it asks for no Vulkan"; then
    machine debian12
    storm info a.glb
    exits 0
    ran <<END
apt-get [update]
apt-get [install] [-y] [--no-install-recommends] [build-essential] [pkg-config] [libasound2-dev]
$viewer [info] [a.glb]
END
fi

if story "the viewer's exit code is the script's"; then
    machine debian12
    has_everything
    echo 7 >"$box/fail-run"
    storm render a.glb -o b.png
    exits 7
fi

if story "the script works through a symbolic link"; then
    machine debian12
    has_everything
    mkdir "$box/link"
    ln -s "$box/my storm/storm" "$box/link/storm"
    code=0
    # shellcheck disable=SC2086
    env -i HOME="$box/home" PATH="$bin:$work/tools" STORM_ROOT="$root" $settings "$box/link/storm" info a.glb \
        >"$box/out" 2>"$box/err" || code=$?
    exits 0
    ran <<END
$viewer [info] [a.glb]
END
fi

if story "a window under X11 needs its libraries: view installs them, demo only along with something else"; then
    machine debian12
    has_everything
    rm "$root"/usr/lib/x86_64-linux-gnu/libxkbcommon-x11.so.0
    with DISPLAY=:0
    storm demo
    ran <<END
$viewer [demo]
END
    storm view a.glb
    exits 0
    says "lacks the X11 libraries of a window"
    ran <<END
apt-get [update]
apt-get [install] [-y] [--no-install-recommends] [libx11-6] [libx11-xcb1] [libxcursor1] [libxi6] [libxkbcommon-x11-0]
$viewer [view] [a.glb]
END
fi

if story "bench and fuzz hand over to cargo; what they lack is said"; then
    machine debian12
    has_everything
    storm bench ecs --quick
    exits 0
    ran <<'END'
cargo [bench] [-p] [storm-benches] [--features] [ecs] [--bench] [ecs_compare] [--] [--quick]
END
    file_is "$box/cwd" "$box/my storm"
    storm bench
    exits 1
    says "name the comparison: ./storm bench NAME; there are: ecs"
    storm bench esc
    exits 1
    says "there is no comparison 'esc'; there are: ecs"
    storm fuzz ../gltf
    exits 1
    says "there is no target '../gltf'; there are: gltf"
    storm fuzz gltf
    exits 1
    says "cargo install cargo-fuzz --locked"
fi

if story "usage: help succeeds; no command and an unknown one exit 2"; then
    machine debian12
    storm help
    exits 0
    says "usage: ./storm COMMAND" "STORM_SETUP=skip"
    storm
    exits 2
    says "usage: ./storm COMMAND"
    storm dmeo
    exits 2
    says "storm: there is no command 'dmeo'"
    ran_nothing
fi

# ---- doctor ----------------------------------------------------------------------------------------------------------

if story "doctor on a bare machine: a table with the command for each thing, exit 1, nothing run"; then
    machine debian12
    user asks
    rm "$bin/cargo" "$bin/rustc"
    storm doctor
    exits 1
    ran_nothing
    says "Rust              none" "1.95 or newer" "rustup update stable" \
        "sudo apt-get update && sudo apt-get install -y --no-install-recommends libasound2-dev" \
        "sudo sh -c \"echo '$backports' > $root$added\" && sudo apt-get update && sudo apt-get install -y --no-install-recommends mesa-vulkan-drivers/bookworm-backports" \
        "Vulkan loader     none" "validation layer  none" "display           none" "Something required is missing"
    [ "$(grep -c "" "$box/out")" -eq 16 ] || wrong "not a table of 13 checks"
fi

if story "doctor names the version that is too old"; then
    machine debian12
    has_everything
    has mesa 22.3.6-1+deb12u2
    storm doctor
    exits 1
    says "Vulkan driver     lavapipe, Mesa 22.3.6-1+deb12u2   GPU's, or Mesa >= 24      wrong"
fi

if story "doctor: what only tests and windows need does not fail it"; then
    machine debian12
    for what in compiler pkg-config alsa loader; do has $what; done
    has mesa "25.0.7-2~bpo12+1"
    storm doctor
    exits 0
    ran_nothing
    says "missing (for tests)" "missing (optional)" "This machine has all that is required."
fi

if story "doctor goes on to the viewer's where there is a viewer, and its verdict counts"; then
    machine debian12
    has_everything
    mkdir -p "$box/my storm/target/release"
    : >"$box/my storm/target/release/storm-viewer"
    chmod +x "$box/my storm/target/release/storm-viewer"
    storm doctor
    exits 0
    ran <<END
$(printf '%s' "$viewer" | sed 's/--release\]/--release] [-q]/') [doctor]
END
    echo 3 >"$box/fail-run"
    storm doctor
    exits 3
fi
