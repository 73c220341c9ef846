// Package sim runs whole clusters of Headrace's cores in one goroutine, on a
// simulated network, disks and clocks, from one seed: the same seed gives the
// same run, event by event. It is for tests only; nothing imports it.
//
// A run draws its faults and its settings from the seed, works under faults for
// a while, heals everything, and must then become live again. Checkers watch
// what clients were told and what every node has applied. Counters of the
// interesting states ("sometimes") show that the runs reach them, and planted
// bugs show that the checkers can fail.
//
//	make sim SEED=7           one seed, twice; the traces must be equal
//	SIM_SECONDS=600 make sim  new seeds for ten minutes
package sim
