#pragma once

#include "package.hpp"
#include "package_table.hpp"

#include <tiercel/cache.hpp>

#include <cstdint>
#include <memory>
#include <string>

namespace package_lookup {

using PackageCache = tiercel::Cache<std::string, Package>;

/// What stands behind the memory tier.
struct Backends {
    std::shared_ptr<tiercel::spi::Backend> redis;
    std::shared_ptr<tiercel::spi::Backend> memcached;
};

/// Where a server's address is empty, the embedded memory backend stands in for it.
/// Errors: tiercel::Exception for a bad address.
Backends connect(const std::string& redis_url, const std::string& memcached_servers);

/// The chain: memory over Redis over Memcached (with zstd) over the table.
/// `memory_entries`: how many packages the memory tier holds.
/// Errors: tiercel::Exception naming the wrong option.
PackageCache make_package_cache(const Backends& backends, PackageTable& table, std::uint64_t memory_entries);

} // namespace package_lookup
