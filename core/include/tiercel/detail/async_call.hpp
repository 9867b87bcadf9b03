#pragma once

namespace tiercel::detail {

/// The default of the async_* functions' token: they then give a boost::asio::awaitable.
struct Awaiting {};

/// Starts an operation whose result is a T for a completion token. Defined in <tiercel/async.hpp>.
template <class Token, class T>
struct AsyncCall;

template <class Token, class T>
concept AsyncIncluded = requires {
    sizeof(AsyncCall<Token, T>);
};

} // namespace tiercel::detail
