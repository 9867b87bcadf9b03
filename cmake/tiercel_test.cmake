include_guard(GLOBAL)
include(GoogleTest)

# tiercel_test(<name> LABEL unit|contract|integration SOURCES ... [LIBRARIES ...])
# One GoogleTest binary; each of its tests becomes a ctest test under the label.
function(tiercel_test name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "LABEL;TIMEOUT" "SOURCES;LIBRARIES")
    if(NOT arg_TIMEOUT)
        set(arg_TIMEOUT 120)
    endif()
    add_executable(${name} ${arg_SOURCES})
    target_link_libraries(${name} PRIVATE ${arg_LIBRARIES} GTest::gmock GTest::gtest_main tiercel_own_flags)
    gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST
        PROPERTIES LABELS ${arg_LABEL} TIMEOUT ${arg_TIMEOUT})
endfunction()
