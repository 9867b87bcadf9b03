#pragma once

#include "package.hpp"

#include <filesystem>
#include <vector>

namespace package_lookup {

/// Reads a package database in Debian's control format (/var/lib/dpkg/status, or a Packages file of apt): installed
/// packages only, the one that most others depend on first. So the ranks are real, too.
/// Errors: std::runtime_error with what to do about it.
std::vector<Package> read_dpkg_records(const std::filesystem::path& status_file);

} // namespace package_lookup
