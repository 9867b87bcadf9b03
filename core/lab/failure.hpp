#pragma once

#include <stdexcept>

namespace tiercel::lab {

/// The data or the machine does not let the command go on; the text says what to do. Exit code 1.
class Failure : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// The command line asks for what cannot be; the text says what can. Exit code 2.
class UsageError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

} // namespace tiercel::lab
