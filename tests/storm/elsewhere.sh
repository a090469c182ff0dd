# shellcheck shell=sh
# Set-up where apt has no say: drivers of GPUs, other distributions, the Rust toolchain.
# Run by tests/storm.sh, which has the vocabulary.
# shellcheck disable=SC2154 # set there: root, box, bin, viewer, base…

# ---- GPUs ------------------------------------------------------------------------------------------------------------

if story "NVIDIA's own driver and no lavapipe: no software driver is asked for"; then
    machine debian12
    for what in compiler pkg-config alsa loader; do has $what; done
    mkdir -p "$root/etc/vulkan/icd.d" "$root/proc/driver/nvidia"
    : >"$root/etc/vulkan/icd.d/nvidia_icd.json"
    : >"$root/proc/driver/nvidia/version"
    storm demo
    exits 0
    ran <<END
$viewer [demo]
END
    storm doctor
    exits 0
    says "NVIDIA's own"
fi

if story "NVIDIA's manifest without its kernel module: that driver will not work, so lavapipe is installed"; then
    machine debian12
    for what in compiler pkg-config alsa loader; do has $what; done
    mkdir -p "$root/usr/share/vulkan/icd.d"
    : >"$root/usr/share/vulkan/icd.d/nvidia_icd.json"
    storm demo
    exits 0
    ran <<END
apt-get [update]
apt-get [install] [-y] [--no-install-recommends] [mesa-vulkan-drivers/bookworm-backports]
$viewer [demo]
END
fi

if story "an AMD GPU with Debian 12's own Mesa: its driver will do, lavapipe's age does not matter"; then
    machine debian12
    has_everything
    has mesa 22.3.6-1+deb12u2
    mkdir -p "$root/sys/class/drm/renderD128/device"
    echo 0x1002 >"$root/sys/class/drm/renderD128/device/vendor"
    storm demo
    exits 0
    ran <<END
$viewer [demo]
END
fi

if story "a display adapter of a virtual machine is no GPU: Mesa's manifests for hardware do not count"; then
    machine debian12
    has_everything
    has mesa 22.3.6-1+deb12u2
    mkdir -p "$root/sys/class/drm/renderD128/device"
    echo 0x1af4 >"$root/sys/class/drm/renderD128/device/vendor"
    storm demo
    exits 0
    ran <<END
apt-get [update]
apt-get [install] [-y] [--no-install-recommends] [mesa-vulkan-drivers/bookworm-backports]
$viewer [demo]
END
fi

if story "VK_DRIVER_FILES chooses a driver: it is believed"; then
    machine debian12
    for what in compiler pkg-config alsa loader; do has $what; done
    with VK_DRIVER_FILES=/opt/driver.json
    storm demo
    exits 0
    ran <<END
$viewer [demo]
END
fi

# ---- other distributions ---------------------------------------------------------------------------------------------

for which in fedora rocky; do
    if story "$which, bare: prints the dnf line and stops"; then
        machine $which
        storm demo
        exits 1
        ran_nothing
        says "Fedora   <== this machine" \
            "    dnf install -y gcc gcc-c++ pkgconf-pkg-config alsa-lib-devel vulkan-loader mesa-vulkan-drivers"
        says_not "Debian 12   <==" "Arch Linux   <=="
    fi
done

if story "Fedora, tests: the validation layer and glslang are on the line too"; then
    machine fedora
    user asks
    storm test unit
    exits 1
    ran_nothing
    says "    sudo dnf install -y gcc gcc-c++ pkgconf-pkg-config alsa-lib-devel vulkan-loader mesa-vulkan-drivers vulkan-validation-layers glslang xorg-x11-server-Xvfb libX11 libX11-xcb libXcursor libXi libxkbcommon-x11"
fi

if story "Fedora with a driver of its own: no version of Mesa to ask for, the manifest will do"; then
    machine fedora
    for what in compiler pkg-config alsa loader; do has $what; done
    mkdir -p "$root/usr/share/vulkan/icd.d"
    : >"$root/usr/share/vulkan/icd.d/lvp_icd.x86_64.json"
    storm demo
    exits 0
    ran <<END
$viewer [demo]
END
fi

if story "Arch, bare: prints the pacman line and stops"; then
    machine arch
    user asks
    storm demo
    exits 1
    ran_nothing
    says "Arch Linux   <== this machine" "    sudo pacman -S --needed gcc pkgconf alsa-lib vulkan-icd-loader vulkan-swrast"
fi

if story "Arch, only the loader missing: the line names only that"; then
    machine arch
    for what in compiler pkg-config alsa; do has $what; done
    has mesa ""
    rm -r "$box/dpkg"
    storm demo
    exits 1
    says "    pacman -S --needed vulkan-icd-loader" "    dnf install -y vulkan-loader"
    says_not "vulkan-swrast" "gcc"
fi

if story "an unknown distribution: says so, lists what the others install, stops"; then
    machine alpine
    storm demo
    exits 1
    ran_nothing
    says "This distribution (Alpine Linux v3.22) is not one that Storm knows" "dnf install" "pacman -S"
    says_not "<== this machine"
fi

if story "macOS: one sentence"; then
    machine macos
    storm demo
    exits 1
    ran_nothing
    says "storm: Storm runs on Linux so far, and this is Darwin"
    storm help
    exits 0
fi

# ---- Rust ------------------------------------------------------------------------------------------------------------

if story "no cargo: one sentence, and no package is touched"; then
    machine debian12
    rm "$bin/cargo" "$bin/rustc"
    storm demo
    exits 1
    ran_nothing
    says "storm: cargo and rustc are not installed: get Rust 1.95 or newer" "https://sh.rustup.rs"
fi

for old in 1.94.1 1.63.0; do
    if story "rustc $old is too old: one sentence, and no package is touched"; then
        machine debian12
        echo "echo 'rustc $old (abc 2022-01-01) (built from a source tarball)'" | stub rustc
        storm demo
        exits 1
        ran_nothing
        says "storm: Rust $old is too old, Storm needs 1.95 or newer: run 'rustup update stable'"
    fi
done

for new in 1.95.0-nightly 1.100.0 2.0.0; do
    if story "rustc $new is new enough"; then
        machine debian12
        has_everything
        echo "echo 'rustc $new (abc 2027-01-01)'" | stub rustc
        storm info a.glb
        exits 0
    fi
done

if story "cargo in rustup's folder but not on PATH is found"; then
    machine debian12
    has_everything
    mkdir -p "$box/home/.cargo/bin"
    mv "$bin/cargo" "$bin/rustc" "$box/home/.cargo/bin"
    storm info a.glb
    exits 0
    ran <<END
$viewer [info] [a.glb]
END
fi
