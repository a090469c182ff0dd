# shellcheck shell=sh
# Set-up on Debian and Ubuntu, where the script installs what is missing.
# Run by tests/storm.sh, which has the vocabulary.
# shellcheck disable=SC2154 # set there: root, box, bin, viewer, base…

if story "bare Debian 12, root: adds backports, installs all, runs the viewer; the second run installs nothing"; then
    machine debian12
    storm demo --frames 3
    exits 0
    ran <<END
apt-get [update]
apt-get [install] [-y] [--no-install-recommends] $base [mesa-vulkan-drivers/bookworm-backports]
$viewer [demo] [--frames] [3]
END
    file_is "$root$added" "$backports"
    says "this machine lacks a C and C++ compiler" "lacks the ALSA headers" "lacks the Vulkan loader" \
        "lacks a Vulkan driver (found: none; lavapipe needs Mesa 24 or newer)" "installing with apt:" \
        "echo '$backports' > $root$added" "env DEBIAN_FRONTEND=noninteractive apt-get update" \
        "apt-get install -y --no-install-recommends build-essential pkg-config libasound2-dev libvulkan1 mesa-vulkan-drivers/bookworm-backports"
    storm demo
    exits 0
    ran <<END
$viewer [demo]
END
    says_not "storm:"
fi

if story "bare Debian 12, passwordless sudo: every change goes through sudo -n"; then
    machine debian12
    user free
    storm render a.glb -o b.png
    exits 0
    ran <<END
sudo [-n] [env] [DEBIAN_FRONTEND=noninteractive] [sh] [-c] [echo '$backports' > @ROOT@$added]
sudo [-n] [env] [DEBIAN_FRONTEND=noninteractive] [apt-get] [update]
apt-get [update]
sudo [-n] [env] [DEBIAN_FRONTEND=noninteractive] [apt-get] [install] [-y] [--no-install-recommends] $base [mesa-vulkan-drivers/bookworm-backports]
apt-get [install] [-y] [--no-install-recommends] $base [mesa-vulkan-drivers/bookworm-backports]
$viewer [render] [a.glb] [-o] [b.png]
END
    file_is "$root$added" "$backports"
fi

if story "Debian 12 with its own Mesa 22.3: only the driver is installed, from backports"; then
    machine debian12
    has_everything
    has mesa 22.3.6-1+deb12u2
    storm demo
    exits 0
    says "this machine lacks a Vulkan driver (found: lavapipe, Mesa 22.3.6-1+deb12u2; lavapipe needs Mesa 24 or newer)"
    ran <<END
apt-get [update]
apt-get [install] [-y] [--no-install-recommends] [mesa-vulkan-drivers/bookworm-backports]
$viewer [demo]
END
fi

if story "Debian 12 that has backports among its sources: they are not added again"; then
    machine debian12
    has_everything
    has mesa 22.3.6-1+deb12u2
    echo "bookworm-backports main http://deb.debian.org/debian/ /etc/apt/sources.list:2" >>"$box/sources"
    storm demo
    exits 0
    ran <<END
apt-get [update]
apt-get [install] [-y] [--no-install-recommends] [mesa-vulkan-drivers/bookworm-backports]
$viewer [demo]
END
    [ ! -e "$root$added" ] || wrong "a source was added"
fi

if story "Debian 12 with a mirror and key of its own: backports come from that mirror with that key (deb822)"; then
    machine debian12
    cat >"$root/etc/apt/sources.list.d/site.sources" <<'END'
# the site's mirror

Types: deb
URIs: https://mirror.example/debian-security
Suites: bookworm-security
Components: main
Signed-By: /usr/share/keyrings/other.gpg

Types: deb
URIs: https://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By:
  /usr/share/keyrings/site.gpg
END
    cat >"$box/sources" <<'END'
bookworm-security main https://mirror.example/debian-security/ /etc/apt/sources.list.d/site.sources:1
bookworm main https://mirror.example/debian/ /etc/apt/sources.list.d/site.sources:2
bookworm-updates main https://mirror.example/debian/ /etc/apt/sources.list.d/site.sources:2
END
    storm demo
    exits 0
    file_is "$root$added" \
        "deb [signed-by=/usr/share/keyrings/site.gpg] https://mirror.example/debian/ bookworm-backports main"
fi

if story "Debian 12 with a mirror and key of its own: the same in a .list"; then
    machine debian12
    printf '# mine\n\ndeb [arch=amd64 signed-by=/etc/apt/keyrings/site.gpg] http://mirror.example/debian bookworm main\n' \
        >"$root/etc/apt/sources.list"
    echo "bookworm main http://mirror.example/debian/ /etc/apt/sources.list:3" >"$box/sources"
    storm demo
    exits 0
    file_is "$root$added" \
        "deb [signed-by=/etc/apt/keyrings/site.gpg] http://mirror.example/debian/ bookworm-backports main"
fi

if story "a source whose address means something to a shell is not used"; then
    machine debian12
    # shellcheck disable=SC2016 # must not be expanded
    echo 'bookworm main http://x/$(touch${IFS}hacked)'"'"'/ /etc/apt/sources.list:1' >"$box/sources"
    storm demo
    exits 0
    file_is "$root$added" "deb http://deb.debian.org/debian bookworm-backports main"
fi

for sudo in absent asks; do
    if story "Debian 12, no root, sudo $sudo: prints the lines for each distribution, marks this one, stops"; then
        machine debian12
        user $sudo
        storm demo
        exits 1
        ran_nothing
        [ ! -e "$root$added" ] || wrong "a source was added"
        says "Debian 12   <== this machine" \
            "    sudo sh -c \"echo '$backports' > $root$added\"" \
            "    sudo apt-get update" \
            "    sudo apt-get install -y --no-install-recommends build-essential pkg-config libasound2-dev libvulkan1 mesa-vulkan-drivers/bookworm-backports" \
            "    sudo apt-get install -y --no-install-recommends build-essential pkg-config libasound2-dev libvulkan1 mesa-vulkan-drivers" \
            "    sudo dnf install -y gcc gcc-c++ pkgconf-pkg-config alsa-lib-devel vulkan-loader mesa-vulkan-drivers" \
            "    sudo pacman -S --needed gcc pkgconf alsa-lib vulkan-icd-loader vulkan-swrast" \
            "STORM_SETUP=skip"
        says_not "Fedora   <=="
    fi
done

for which in debian13 ubuntu; do
    if story "bare $which: Mesa comes from the distribution itself"; then
        machine $which
        storm demo
        exits 0
        ran <<END
apt-get [update]
apt-get [install] [-y] [--no-install-recommends] $base [mesa-vulkan-drivers]
$viewer [demo]
END
        [ ! -e "$root$added" ] || wrong "a source was added"
    fi
done

if story "a Debian or Ubuntu whose newest Mesa is too old: says so after installing, does not go on"; then
    machine ubuntu
    echo 23.2.1-1ubuntu3.1~22.04.3 >"$box/stock-mesa"
    storm demo
    exits 1
    says "apt ran, but this machine still lacks a Vulkan driver (found: lavapipe, Mesa 23.2.1-1ubuntu3.1~22.04.3; lavapipe needs Mesa 24 or newer)"
    ran <<END
apt-get [update]
apt-get [install] [-y] [--no-install-recommends] $base [mesa-vulkan-drivers]
END
fi

if story "the version of a removed Mesa that left its configuration behind does not speak for a driver put there by hand"; then
    machine debian12
    has_everything
    echo "config-files 22.3.6-1+deb12u2" >"$box/dpkg/mesa-vulkan-drivers"
    storm demo
    exits 0
    ran <<END
$viewer [demo]
END
fi

if story "everything there: no apt, no sudo, nothing said"; then
    machine debian12
    has_everything
    user asks
    storm view a.glb
    exits 0
    ran <<END
$viewer [view] [a.glb]
END
    says_not "storm:"
fi

if story "apt-get update fails: keeps apt's words, takes the added source away, exits 1"; then
    machine debian12
    echo "E: Could not get lock /var/lib/apt/lists/lock" >"$box/apt-fails-update"
    storm demo
    exits 1
    ran <<END
apt-get [update]
END
    [ ! -e "$root$added" ] || wrong "the added source was left behind"
    says "E: Could not get lock" "storm: removed $added again" \
        "storm: apt could not install the packages (exit code 100, its own words are above)"
fi

if story "apt-get install fails: keeps apt's words, exits 1, cargo is not run"; then
    machine ubuntu
    echo "E: Unable to locate package libvulkan1" >"$box/apt-fails-install"
    storm demo
    exits 1
    ran <<END
apt-get [update]
apt-get [install] [-y] [--no-install-recommends] $base [mesa-vulkan-drivers]
END
    says "E: Unable to locate package libvulkan1" "storm: apt could not install the packages (exit code 100"
    says_not "removed"
fi

if story "STORM_SETUP=skip on a bare machine: straight to cargo"; then
    machine debian12
    with STORM_SETUP=skip
    storm demo
    exits 0
    ran <<END
$viewer [demo]
END
    says_not "lacks"
fi
