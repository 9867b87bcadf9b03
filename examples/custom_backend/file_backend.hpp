#pragma once

#include <tiercel/result.hpp>
#include <tiercel/spi/backend.hpp>

#include <filesystem>
#include <memory>

namespace example {

/// A backend that keeps each value in a file of `directory`: a tier on a local disk, which survives restarts.
/// Any number of processes may share the directory. An expired value's file stays until
/// its key is written or erased.
tiercel::Result<std::shared_ptr<tiercel::spi::Backend>> file_backend(std::filesystem::path directory);

} // namespace example
