#pragma once

#include <tiercel/spi/codec.hpp>

// IWYU pragma: begin_exports
#include <tiercel/detail/codec_containers.hpp>
#include <tiercel/detail/codec_values.hpp>
#include <tiercel/detail/key_codec.hpp>
// IWYU pragma: end_exports
