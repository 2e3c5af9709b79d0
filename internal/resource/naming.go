package resource

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// IsConventional reports whether the name of a user-assigned identity says what it is for, as the convention of the field
// demands: id-<app>-<environment>-<location>-<instance>, of which the instance is a number. An app may hold dashes.
func IsConventional(name string) bool {
	parts := strings.Split(name, "-")
	return len(parts) >= 5 && parts[0] == "id" && !slices.Contains(parts, "") && isNumber(parts[len(parts)-1])
}

// ConventionalName makes a conventional name of one that is not: it keeps what the name says already, and takes the rest
// from where the identity is. hints are texts that may name an environment, the best first, such as tags and the name of the
// resource group. A name that is taken gets the next instance.
func ConventionalName(name, location string, hints []string, taken func(string) bool) string {
	words := wordsOf(name)
	for len(words) > 0 && isIdentityWord(words[0]) {
		words = words[1:]
	}
	for len(words) > 0 && isIdentityWord(words[len(words)-1]) {
		words = words[:len(words)-1]
	}
	location = strings.Join(wordsOf(location), "")
	words, location = takeLocation(words, location[:min(len(location), 40)])
	words, environment := takeEnvironment(words, hints)
	words, instance := takeInstance(words)
	app := strings.Join(words, "-")
	if app == "" {
		app = "app"
	}
	for ; ; instance++ {
		rest := fmt.Sprintf("-%s-%s-%02d", environment, location, instance)
		whole := "id-" + strings.TrimRight(app[:min(len(app), 128-len("id-")-len(rest))], "-") + rest
		if !taken(whole) {
			return whole
		}
	}
}

// wordsOf splits text where neither letters nor digits are.
func wordsOf(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(c rune) bool { return !isAlphanumeric(c) })
}

// isIdentityWord reports whether a word at the edge of a name only says that it is an identity.
func isIdentityWord(word string) bool {
	return slices.Contains([]string{"id", "identity", "mi", "msi", "uai", "uami", "umi", "managed"}, word)
}

// takeLocation takes out the word that names the location or begins as it does, such as uks of uksouth.
func takeLocation(words []string, location string) ([]string, string) {
	if location == "" {
		location = "local"
	}
	for i, word := range words {
		if word == location || i > 0 && len(word) >= 3 && strings.HasPrefix(location, word) {
			return slices.Delete(words, i, i+1), word
		}
	}
	return words, location
}

// takeEnvironment takes out the word that names an environment; there being none, hints are asked.
func takeEnvironment(words, hints []string) ([]string, string) {
	known := []string{"dev", "development", "test", "tst", "int", "qa", "uat", "acc", "stg", "stage", "staging", "preprod", "prod", "prd",
		"production", "live", "sandbox", "sbx", "demo", "lab"}
	is := func(word string) bool { return slices.Contains(known, word) }
	if i := slices.IndexFunc(words, is); i >= 0 {
		environment := words[i]
		return slices.Delete(words, i, i+1), environment
	}
	for _, hint := range hints {
		in := wordsOf(hint)
		if i := slices.IndexFunc(in, is); i >= 0 {
			return words, in[i]
		}
	}
	return words, "dev"
}

// takeInstance takes out the number at the end, a word of its own or the end of one; there being none, it is the first.
func takeInstance(words []string) ([]string, int) {
	if len(words) == 0 {
		return words, 1
	}
	last := words[len(words)-1]
	app := strings.TrimRight(last, "0123456789")
	n, err := strconv.Atoi(last[len(app):])
	if err != nil || n > 999 {
		return words, 1
	}
	words = words[:len(words)-1]
	if app != "" {
		words = append(slices.Clip(words), app)
	}
	return words, n
}

func isNumber(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
