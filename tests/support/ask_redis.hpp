#pragma once

#include <cstdint>
#include <string>

namespace tiercel::test {

/// The reply of the server on that loopback port to one inline command: its line, or the text of a bulk. Logs in with
/// `password` before, if there is one.
/// Errors: std::runtime_error when there is none within 5 seconds.
std::string ask_redis(std::uint16_t port, const std::string& password, const std::string& command);

} // namespace tiercel::test
