#pragma once

#include <tiercel/described.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace package_lookup {

/// An installed Debian package: the thing that is cached.
struct Package {
    std::string name;
    std::string version;
    std::string section;
    std::string maintainer;
    std::string homepage;
    std::uint64_t installed_kib = 0;
    std::vector<std::string> depends; ///< as written, with versions and alternatives
    std::string description;
};

// All that tiercel needs to store it outside the process.
BOOST_DESCRIBE_STRUCT(Package, (), (name, version, section, maintainer, homepage, installed_kib, depends, description))

} // namespace package_lookup
