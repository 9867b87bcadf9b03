#pragma once

#include <boost/asio/awaitable.hpp>

#include <vector>

namespace tiercel::transport {

/// Runs the parts side by side on the caller's executor; done when all are, and throws what one of them threw.
boost::asio::awaitable<void> in_parallel(std::vector<boost::asio::awaitable<void>> parts);

} // namespace tiercel::transport
