#pragma once

// Debian 12 has Catch2 2, newer distributions Catch2 3: tests include this and nothing of Catch2.
#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif
