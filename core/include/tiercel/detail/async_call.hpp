#pragma once

namespace tiercel::detail {

/// The default of the async_* functions' token: they then give a boost::asio::awaitable.
struct Awaiting {};

/// Starts an operation whose result is a T for a completion token. Defined in <tiercel/async.hpp>: a compiler that says
/// that this type is incomplete says that the include is missing.
template <class Token, class T>
struct AsyncCall;

} // namespace tiercel::detail
