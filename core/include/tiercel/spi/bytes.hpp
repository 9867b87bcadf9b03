#pragma once

#include <string>
#include <string_view>

namespace tiercel {

/// Owned bytes of any content. A string, because that is what every client library takes and gives.
using Bytes = std::string;
using BytesView = std::string_view;

} // namespace tiercel
