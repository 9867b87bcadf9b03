# With TIERCEL_PRECOMPILED_HEADERS, most of our sources share what a compiler makes of other libraries' headers: half of
# the time that a source without much code of its own takes. For builds from nothing; a compiler cache does more for
# the others, and gets in the way of this. Sources include what they use all the same: builds without it see to that.
include_guard(GLOBAL)

# tiercel_precompile(<target> MODULE|TEST)
function(tiercel_precompile target kind)
    if(NOT TIERCEL_PRECOMPILED_HEADERS)
        return()
    endif()
    set(shared tiercel_precompiled_${kind})
    if(NOT TARGET ${shared})
        set(headers
            <boost/asio/any_io_executor.hpp> <boost/asio/awaitable.hpp> <boost/asio/co_spawn.hpp>
            <boost/asio/detached.hpp> <boost/asio/post.hpp> <boost/asio/steady_timer.hpp>
            <boost/asio/use_awaitable.hpp> <boost/unordered/unordered_flat_map.hpp>
            <algorithm> <atomic> <chrono> <functional> <map> <memory> <mutex> <optional> <string> <thread> <vector>)
        set(source ${PROJECT_BINARY_DIR}/${shared}.cpp)
        file(GENERATE OUTPUT ${source} CONTENT "")
        add_library(${shared} OBJECT ${source})
        target_link_libraries(${shared} PRIVATE Boost::headers Threads::Threads tiercel_own_flags)
        if(kind STREQUAL MODULE)
            set_target_properties(${shared} PROPERTIES POSITION_INDEPENDENT_CODE ON)
        else()
            list(APPEND headers <gmock/gmock.h> <gtest/gtest.h>)
            target_link_libraries(${shared} PRIVATE GTest::gmock GTest::gtest)
        endif()
        target_precompile_headers(${shared} PRIVATE ${headers})
    endif()
    target_precompile_headers(${target} REUSE_FROM ${shared})
endfunction()
