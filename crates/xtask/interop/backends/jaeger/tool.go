// Package tool has nothing in it: with it the module can be built here.
package tool
