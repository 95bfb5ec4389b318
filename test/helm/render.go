// Renders the chart where there is no helm, with what helm is made of: Go's templates and sprig (Debian: golang-go,
// golang-github-masterminds-sprig-dev, golang-github-ghodss-yaml-dev).
//
//	GO111MODULE=off GOPATH=/usr/share/gocode go run test/helm/render.go deploy/helm/ongoingai RELEASE NAMESPACE [values.yaml]
package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig"
	"github.com/ghodss/yaml"
)

type object = map[string]interface{}

func main() {
	if err := render(os.Args[1], os.Args[2], os.Args[3], os.Args[4:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func render(chart, release, namespace string, overrides []string) error {
	values, err := read(filepath.Join(chart, "values.yaml"))
	if err != nil {
		return err
	}
	for _, name := range overrides {
		more, err := read(name)
		if err != nil {
			return err
		}
		overlay(values, more)
	}
	about, err := read(filepath.Join(chart, "Chart.yaml"))
	if err != nil {
		return err
	}
	names, err := filepath.Glob(filepath.Join(chart, "templates", "*"))
	if err != nil {
		return err
	}
	templates := template.New("chart").Option("missingkey=zero")
	templates.Funcs(sprig.TxtFuncMap()).Funcs(template.FuncMap{
		"include": func(name string, data interface{}) (string, error) {
			var text bytes.Buffer
			err := templates.ExecuteTemplate(&text, name, data)
			return text.String(), err
		},
		"toYaml": func(value interface{}) (string, error) {
			text, err := yaml.Marshal(value)
			return strings.TrimSuffix(string(text), "\n"), err
		},
		"fromYaml": func(text string) (object, error) {
			value := object{}
			return value, yaml.Unmarshal([]byte(text), &value)
		},
		"fail": func(message string) (string, error) { return "", errors.New(message) },
	})
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if _, err := templates.New(filepath.Base(name)).Parse(string(text)); err != nil {
			return err
		}
	}
	data := object{
		"Values":  values,
		"Chart":   object{"Name": about["name"], "Version": about["version"], "AppVersion": about["appVersion"]},
		"Release": object{"Name": release, "Namespace": namespace, "Service": "Helm"},
	}
	for _, name := range names {
		if filepath.Ext(name) != ".yaml" {
			continue
		}
		fmt.Printf("---\n")
		if err := templates.ExecuteTemplate(os.Stdout, filepath.Base(name), data); err != nil {
			return err
		}
	}
	return nil
}

func read(name string) (object, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	value := object{}
	return value, yaml.Unmarshal(text, &value)
}

// overlay puts values over others, objects member by member.
func overlay(under, over object) {
	for name, value := range over {
		below, isObject := under[name].(object)
		if above, ok := value.(object); ok && isObject {
			overlay(below, above)
		} else {
			under[name] = value
		}
	}
}
