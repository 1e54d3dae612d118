#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Fetches the Vulkan drivers whose compilers ./run gpu asks: Mesa's, with libraries that stand in for each GPU's kernel
# interface (Debian's mesa-drm-shim), the loader and the validation layer. Nothing is installed. packages.txt names
# every package with its checksum; the mirror has it while it is Debian's newest, snapshot.debian.org for good.
#     tools/gpu/setup.sh FOLDER          fetches what FOLDER does not have yet (70 MB, 400 MB unpacked)
#     tools/gpu/setup.sh --pin FOLDER    writes packages.txt anew, with what Debian sid has today
# Takes apt and dpkg, of any version. Exits with 77 where the packages cannot be had, and says why.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
list=$here/packages.txt
wanted=(mesa-vulkan-drivers mesa-drm-shim libvulkan1 vulkan-validationlayers libstdc++6)
mirror=${SACCADE_DEBIAN_MIRROR:-http://deb.debian.org/debian}
helper=/usr/lib/apt/apt-helper
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

cannot() { # reason
    echo "gpu: skipped: no GPU drivers: $1" >&2
    exit 77
}

# apt with folders of its own and no package installed, so that every dependency is named.
aptFolder() { # folder
    mkdir -p "$1"/{lists/partial,archives/partial,etc/none}
    : >"$1/status"
    echo "deb [signed-by=$keyring] $mirror sid main" >"$1/etc/sources.list"
    cat >"$1/apt.conf" <<EOF
Dir::Etc "$1/etc";
Dir::Etc::sourcelist "$1/etc/sources.list";
Dir::Etc::sourceparts "none";
Dir::Etc::parts "none";
Dir::Etc::preferencesparts "none";
Dir::State "$1";
Dir::State::lists "$1/lists";
Dir::State::status "$1/status";
Dir::Cache "$1";
APT::Architecture "amd64";
APT::Architectures { "amd64"; };
APT::Install-Recommends "false";
APT::Sandbox::User "root";
Acquire::Check-Valid-Until "false";
Acquire::Languages "none";
EOF
    export APT_CONFIG=$1/apt.conf
}

pin() { # folder
    local folder
    folder=$(mkdir -p "$1/pin" && cd "$1/pin" && pwd)
    aptFolder "$folder"
    apt-get -qq update
    local date
    date=$(sed -n 's/^Date: //p' "$folder"/lists/*_InRelease | head -n 1)
    {
        echo "# What setup.sh fetches, written by setup.sh --pin: SHA-256, path below a Debian mirror."
        echo "snapshot $(date -u -d "$date" +%Y%m%dT%H%M%SZ)"
        apt-get -qq --simulate install "${wanted[@]}" | sed -nE 's/^Inst ([^ ]+) \(([^ ]+) .*/\1=\2/p' |
            xargs apt-cache show | sed -nE 's/^Filename: //p; s/^SHA256: //p' | paste -d ' ' - - |
            awk '{ print $2, $1 }' | sort -k 2
    } >"$list"
    echo "gpu: $(grep -c pool/ "$list") packages in $list"
}

isWhole() { # file, checksum
    [[ -f $1 && $(sha256sum "$1" | cut -d' ' -f1) == "$2" ]]
}

download() { # path, checksum, file
    local base
    for base in "$mirror" "https://snapshot.debian.org/archive/debian/$snapshot"; do
        if "$helper" -o Acquire::Retries=1 download-file "$base/$1" "$3.part" "SHA256:$2" \
            >>"$folder/setup.log" 2>&1; then
            mv "$3.part" "$3"
            return
        fi
        rm -f "$3.part"
    done
    cannot "$1 is neither on $mirror nor on snapshot.debian.org, or neither can be reached ($folder/setup.log)"
}

fetch() { # folder
    local checksum path file
    folder=$(mkdir -p "$1" && cd "$1" && pwd)
    if cmp -s "$list" "$folder/packages.txt"; then return; fi
    if [[ $(uname -sm) != "Linux x86_64" ]]; then cannot "they are for Linux on x86-64"; fi
    for tool in "$helper" dpkg-deb sha256sum; do
        command -v "$tool" >/dev/null || cannot "$tool is missing (it comes with Debian and Ubuntu)"
    done
    echo "gpu: fetching Mesa's drivers into $folder (70 MB)" >&2
    mkdir -p "$folder/archives"
    rm -rf "$folder/root" "$folder/packages.txt"
    mkdir "$folder/root"
    snapshot=$(sed -n 's/^snapshot //p' "$list")
    while read -r checksum path; do
        file=$folder/archives/${path##*/}
        isWhole "$file" "$checksum" || download "$path" "$checksum" "$file"
        isWhole "$file" "$checksum" || cannot "$path is not what packages.txt names"
        dpkg-deb -x "$file" "$folder/root"
    done < <(grep ' pool/' "$list")
    rm -rf "$folder/archives" "$folder/root/usr/share"/{doc,man,locale,info}
    cp "$list" "$folder/packages.txt"
}

case ${1:-} in
--pin) pin "${2:?folder}" ;;
"") sed -n '3,9s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2 && exit 2 ;;
*) fetch "$1" ;;
esac
