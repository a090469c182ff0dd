#!/bin/sh
# Tests of ./storm: `sh tests/storm.sh [PATTERN]` runs the cases whose story contains PATTERN.
#
# Each case sets up a machine that does not exist: a folder that stands for / (STORM_ROOT), and a PATH that holds
# nothing but stubs of the programs that the script asks and runs, and the few real tools that it may count on
# everywhere. The stub of apt-get installs what it is told to into that folder, so what the script finds afterwards
# follows from what it ran. Commands that change something are logged and compared whole: `[a] [b c]` is a command
# with two arguments.
#
# The cases are in tests/storm/. Nothing here needs the network, root, cargo or a package, and nothing outside a temporary folder is written.
set -eu

repo=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
pattern=${1:-}
cases=0 failures=0

# The tools that the script may count on everywhere.
mkdir "$work/tools"
for tool in sh awk cat cut date dirname env grep head mktemp printf readlink rm sed sort tee tr true uniq; do
    ln -s "$(command -v "$tool" | grep / || echo "/usr/bin/$tool")" "$work/tools/$tool"
done

# ---- the machine ----------------------------------------------------------------------------------------------

stub() {
    { echo '#!/bin/sh' && cat; } >"$bin/$1"
    chmod +x "$bin/$1"
}

# Appends a call to the log: `log NAME "$@"` in a stub.
stub_log() {
    # shellcheck disable=SC2016 # expanded by the stub
    echo 'log() { { printf "%s" "$1"; shift; [ $# -eq 0 ] || printf " [%s]" "$@"; echo; } >>"$MACHINE/log"; }'
}

# A machine of distribution $1 with nothing on it but a Rust toolchain; its user is root.
machine() {
    box=$work/$cases bin=$work/$cases/bin root=$work/$cases/root
    mkdir -p "$bin" "$root/etc" "$box/home" "$box/dpkg" "$box/my models" "$box/my storm/tests"
    cp "$repo/storm" "$box/my storm/storm"
    mkdir -p "$box/my storm/benches/benches/ecs_compare" "$box/my storm/fuzz/fuzz_targets"
    : >"$box/my storm/fuzz/fuzz_targets/gltf.rs"
    printf '[workspace.package]\nrust-version = "1.95"\n' >"$box/my storm/Cargo.toml"
    : >"$box/log"
    settings="MACHINE=$box"
    case $1 in
    debian12) printf 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\nVERSION_CODENAME=bookworm\n' ;;
    debian13) printf 'PRETTY_NAME="Debian GNU/Linux 13 (trixie)"\nID=debian\nVERSION_CODENAME=trixie\n' ;;
    ubuntu) printf 'PRETTY_NAME="Ubuntu 24.04 LTS"\nID=ubuntu\nID_LIKE=debian\nVERSION_CODENAME=noble\n' ;;
    fedora) printf 'PRETTY_NAME="Fedora Linux 43"\nID=fedora\nVERSION_CODENAME=""\n' ;;
    rocky) printf 'PRETTY_NAME="Rocky Linux 10"\nID="rocky"\nID_LIKE="rhel centos fedora"\n' ;;
    arch) printf 'PRETTY_NAME="Arch Linux"\nID=arch\nBUILD_ID=rolling\n' ;;
    alpine) printf 'PRETTY_NAME="Alpine Linux v3.22"\nID=alpine\n' ;;
    esac >"$root/etc/os-release"
    [ "$1" = macos ] && kernel=Darwin || kernel=Linux
    stub uname <<END
case \${1:-} in -m) echo x86_64 ;; *) echo $kernel ;; esac
END
    stub id <<'END'
echo 0
END
    stub rustc <<'END'
echo "rustc 1.95.0 (59807616e 2026-04-14)"
END
    # Fails where the case says so: file fail-SUBCOMMAND holds the exit code.
    stub cargo <<END
$(stub_log)
case "\$1 \${2:-}" in
"nextest --version") [ -e "\$MACHINE/nextest" ] && echo "cargo-nextest 0.9.143 (abc 2026-01-01)"; exit ;;
"fuzz --version") exit 101 ;;
esac
log cargo "\$@"
[ -z "\${VK_DRIVER_FILES:-}" ] || echo "\$VK_DRIVER_FILES|\$VK_ICD_FILENAMES|\$VK_LAYER_ENABLES|\${STORM_TEST_DATA:-}" >"\$MACHINE/environment"
pwd >"\$MACHINE/cwd"
[ ! -e "\$MACHINE/says-\$1" ] || cat "\$MACHINE/says-\$1"
[ ! -e "\$MACHINE/fail-\$1" ] || exit "\$(cat "\$MACHINE/fail-\$1")"
END
    case $1 in debian* | ubuntu) apt ;; esac
}

# What a Debian has: dpkg-query over $box/dpkg, apt-get.
apt() {
    echo "bookworm main http://deb.debian.org/debian/ /etc/apt/sources.list:1" >"$box/sources"
    mkdir -p "$root/etc/apt/sources.list.d"
    echo "deb http://deb.debian.org/debian bookworm main" >"$root/etc/apt/sources.list"
    stub dpkg-query <<'END'
for package; do :; done
cat "$MACHINE/dpkg/$package" 2>/dev/null || { echo "no packages found matching $package" >&2; exit 1; }
END
    stub apt-get <<END
$(stub_log)
[ "\$1" != indextargets ] || exec cat "\$MACHINE/sources"
log apt-get "\$@"
if [ -e "\$MACHINE/apt-fails-\$1" ]; then
    cat "\$MACHINE/apt-fails-\$1" >&2
    exit 100
fi
echo "apt's chatter"
[ "\$1" != install ] || exec install-packages "\$@"
END
    stub install-packages <<'END'
for package; do
    case $package in
    build-essential) : >"$MACHINE/bin/cc"; : >"$MACHINE/bin/c++"; chmod +x "$MACHINE/bin/cc" "$MACHINE/bin/c++" ;;
    pkg-config) give pkg-config ;;
    libasound2-dev) give alsa ;;
    libvulkan1) give loader ;;
    mesa-vulkan-drivers/bookworm-backports) give mesa "25.0.7-2~bpo12+1" ;;
    mesa-vulkan-drivers) give mesa "$(cat "$MACHINE/stock-mesa" 2>/dev/null || echo 25.2.6-1)" ;;
    vulkan-validationlayers) give validation ;;
    glslang-tools) give glslang ;;
    xvfb) give xvfb ;;
    libxkbcommon-x11-0) give windowlibs ;;
    esac
done
END
    stub give <<'END'
root=$MACHINE/root
case $1 in
pkg-config)
    printf '#!/bin/sh\ncase $1 in --version) echo 1.8.1 ;; *) [ -e "$MACHINE/root/alsa" ] && echo 1.2.8 ;; esac\n' >"$MACHINE/bin/pkg-config"
    chmod +x "$MACHINE/bin/pkg-config"
    ;;
alsa) : >"$root/alsa" ;;
loader) mkdir -p "$root/usr/lib/x86_64-linux-gnu"; : >"$root/usr/lib/x86_64-linux-gnu/libvulkan.so.1" ;;
mesa) # every driver that Mesa builds, of whatever hardware
    echo "installed $2" >"$MACHINE/dpkg/mesa-vulkan-drivers"
    mkdir -p "$root/usr/share/vulkan/icd.d"
    for name in intel radeon virtio lvp; do : >"$root/usr/share/vulkan/icd.d/${name}_icd.json"; done
    ;;
validation)
    mkdir -p "$root/usr/share/vulkan/explicit_layer.d"
    : >"$root/usr/share/vulkan/explicit_layer.d/VkLayer_khronos_validation.json"
    ;;
glslang) : >"$MACHINE/bin/glslangValidator"; chmod +x "$MACHINE/bin/glslangValidator" ;;
xvfb) : >"$MACHINE/bin/Xvfb"; chmod +x "$MACHINE/bin/Xvfb" ;;
windowlibs)
    for name in libX11.so.6 libX11-xcb.so.1 libXcursor.so.1 libXi.so.6 libxkbcommon-x11.so.0; do
        : >"$root/usr/lib/x86_64-linux-gnu/$name"
    done
    ;;
esac
END
    for tool in chmod mkdir; do ln -sf "$work/real/$tool" "$bin/$tool"; done
}
mkdir "$work/real"
for tool in chmod mkdir; do ln -s "$(command -v "$tool")" "$work/real/$tool"; done

# Puts something on the machine outside of the script's run: `has mesa 22.3.6-1+deb12u2`.
has() {
    [ -e "$bin/give" ] || { apt && rm "$bin/apt-get" "$bin/dpkg-query"; }
    case $1 in
    compiler) MACHINE=$box PATH=$bin:$PATH install-packages build-essential ;;
    *) MACHINE=$box PATH=$bin:$PATH give "$@" ;;
    esac
}

has_everything() {
    for what in compiler pkg-config alsa loader validation glslang xvfb windowlibs; do has "$what"; done
    has mesa "25.0.7-2~bpo12+1"
}

# An ordinary user: sudo is absent, asks for a password ("asks"), or asks nothing ("free").
user() {
    stub id <<'END'
echo 1000
END
    case $1 in
    asks)
        stub sudo <<'END'
echo "sudo: a password is required" >&2
exit 1
END
        ;;
    free)
        stub sudo <<END
$(stub_log)
[ "\$1" = -n ] || exit 1
[ "\$2" = true ] || log sudo "\$@"
shift
exec "\$@"
END
        ;;
    esac
}

# ---- running and looking --------------------------------------------------------------------------------------

# Begins a case. Its story is its name; answers whether it is to be run.
story() {
    finish_case
    title=$1
    case $title in *"$pattern"*) ;; *) return 1 ;; esac
    cases=$((cases + 1)) bad=0
}

finish_case() {
    [ -n "${title:-}" ] || return 0
    case $title in *"$pattern"*) ;; *) return 0 ;; esac
    if [ "$bad" -eq 0 ]; then
        echo "ok    $title"
    else
        failures=$((failures + 1))
        echo "FAIL  $title"
        sed 's/^/        out| /' "$box/out"
        sed 's/^/        err| /' "$box/err"
    fi
    title=''
}

wrong() {
    bad=1
    echo "      $title: $*"
}

# Adds NAME=value to the environment of the script.
with() { settings="$settings $1"; }

# Runs the script in the caller's folder "my models".
storm() {
    code=0
    # shellcheck disable=SC2086 # settings have no spaces
    (cd "$box/my models" && env -i HOME="$box/home" PATH="$bin:$work/tools" STORM_ROOT="$root" $settings \
        "$box/my storm/storm" "$@" >"$box/out" 2>"$box/err" </dev/null) || code=$?
}

exits() { [ "$code" -eq "$1" ] || wrong "exit code $code, expected $1"; }

# The log of commands is exactly what is on stdin. @ROOT@ and @STORM@ stand for the folders.
ran() {
    sed "s|@ROOT@|$root|g; s|@STORM@|$box/my storm|g" >"$box/expected"
    if ! diff -u "$box/expected" "$box/log" >"$box/diff"; then
        wrong "commands differ (- expected, + run)"
        sed 's/^/        /' "$box/diff"
    fi
    : >"$box/log"
}

ran_nothing() { ran </dev/null; }

says() {
    for words; do
        cat "$box/out" "$box/err" | grep -qF -e "$words" || wrong "does not say: $words"
    done
}

says_not() {
    for words; do
        ! cat "$box/out" "$box/err" | grep -qF -e "$words" || wrong "says: $words"
    done
}

file_is() {
    [ "$(cat "$1" 2>/dev/null)" = "$2" ] || wrong "$1 holds '$(cat "$1" 2>/dev/null)', expected '$2'"
}

# What the cases expect. `viewer` is the call of cargo that a subcommand of the viewer ends in while it is not built.
# shellcheck disable=SC2034 # used by the cases
{
    viewer='cargo [run] [--release] [--manifest-path] [@STORM@/Cargo.toml] [-p] [storm-viewer] [--bin] [storm-viewer] [--]'
    backports='deb http://deb.debian.org/debian/ bookworm-backports main'
    added=/etc/apt/sources.list.d/storm-bookworm-backports.list
    base='[build-essential] [pkg-config] [libasound2-dev] [libvulkan1]'
}

# ---- the cases ------------------------------------------------------------------------------------------------

for file in apt elsewhere commands test; do
    # shellcheck source=/dev/null
    . "$repo/tests/storm/$file.sh"
done

finish_case
if [ "$cases" -eq 0 ]; then
    echo "no case matches '$pattern'"
    exit 1
fi
echo "$cases cases, $failures failed"
[ "$failures" -eq 0 ]
