#!/usr/bin/env bash
# Makes src/Whence.Cli/Demo/gallery.tar and queries.tar from pinned npm packages. Needs npm and the .NET SDK.
# A folder as first argument also gets contact sheets, to look at before committing.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
packages=$(mktemp -d)
trap 'rm -rf "$packages"' EXIT

while read -r package checksum; do
  archive=$(cd "$packages" && npm pack "$package" --silent)
  echo "$checksum  $packages/$archive" | sha256sum --check --quiet
  folder="$packages/$(basename "${package%@*}")"
  mkdir "$folder"
  tar -xzf "$packages/$archive" -C "$folder" --strip-components=1
done < "$here/packages.txt"

root="$here/../.."
make() { dotnet run --project "$here" --configuration Release -- "$packages" "$here/objects.tsv" "$root/src/Whence.Cli/Demo" "$@"; }
make
dotnet run --project "$root/src/Whence.Cli" --configuration Release -- dataset build "$root/recipes/demo.json" --out "$packages/pictures"
make "$here/queries.tsv" "$packages/pictures" ${1:+"$1"}
