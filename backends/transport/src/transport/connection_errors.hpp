#pragma once

#include <tiercel/result.hpp>

#include <boost/system/error_code.hpp>

#include <string>

namespace tiercel::transport {

// What ends a connection, or the calls on it. `label` says which.

Error closed_error(const std::string& label);
Error broke_error(const std::string& label, const boost::system::error_code& why);
Error silent_error(const std::string& label);

} // namespace tiercel::transport
